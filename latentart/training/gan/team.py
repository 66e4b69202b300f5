"""Several processes that train one network: gradients are averaged with torch.distributed (started by torchrun).

The first process writes the run folder and leads; before each step it sends the others its number, or the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from latentart.errors import SettingsError

WAIT = timedelta(minutes=30)
"""The leader writes previews meanwhile."""


LAST = -1
"""The number that ends a training."""


class Team:
    """A process among `size`; a team of one communicates with nobody."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces tensors by their means over all processes, in one message."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([t.reshape(-1) for t in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        for tensor, part in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Averages the gradients of parameters."""
        self.average([p.grad for p in parameters if p.grad is not None])

    def copy(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The leader's tensors by name, on the CPU of every process."""
        held = [{name: t.cpu() for name, t in tensors.items()} if self.rank == 0 else None]
        dist.broadcast_object_list(held, 0)
        assert held[0] is not None
        return held[0]

    def order(self, number: int, progress: float) -> tuple[int, float]:
        """The step that the leader names, and its progress; a negative number ends the training."""
        if self.size == 1:
            return number, progress
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        message = torch.tensor([float(number), progress], dtype=torch.float64, device=device)
        dist.broadcast(message, 0)
        found = message.tolist()
        return int(found[0]), found[1]


def join(device: str | None) -> tuple[Team, str | None]:
    """The team that torchrun started, and this process's device; a team of one without torchrun.

    Raises SettingsError when the processes cannot reach each other.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Team(), device
    cuda = torch.cuda.is_available() and device in (None, "cuda")
    if cuda:
        device = f"cuda:{int(os.environ.get('LOCAL_RANK', '0'))}"
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("nccl" if cuda else "gloo", timeout=WAIT)
    except (RuntimeError, ValueError) as error:
        raise SettingsError(f"the processes cannot reach each other: {error}: start them with torchrun") from error
    return Team(dist.get_rank(), size), device
