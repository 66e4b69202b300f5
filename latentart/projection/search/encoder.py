"""A small network that guesses w from a picture, taught by the generator's own samples and nothing else.

It costs minutes once per model and gives each search a better beginning. It is a beginning, never a result:
a network that has seen only a generator's pictures is unsure of photographs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from latentart import cache, files
from latentart.models.base import Generator
from latentart.projection.search.bank import fingerprint
from latentart.projection.search.loss import at_most
from latentart.projection.search.prior import Prior, sample_w

log = logging.getLogger(__name__)

SIZE = 64
STEPS = 1500
BATCH = 16
RATE = 2e-3
WIDTHS = (32, 64, 128, 192, 256)


class Encoder(torch.nn.Module):
    """Pictures [N, C, H, W] in [-1, 1] -> codes v [N, w_dim] in the whitened space of `prior`."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        widths = (channels, *WIDTHS)
        convs = [torch.nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths)]
        norms = [torch.nn.GroupNorm(8, b) for b in WIDTHS]
        layers = [part for pair in zip(convs, norms, strict=True) for part in (*pair, torch.nn.SiLU())]
        self.features = torch.nn.Sequential(*layers)
        self.out = torch.nn.Linear(WIDTHS[-1] * 4, w_dim)

    def forward(self, img: Tensor) -> Tensor:
        """[N, C, H, W] of any size -> [N, w_dim]."""
        small = F.interpolate(at_most(img, SIZE), size=(SIZE, SIZE), mode="bilinear", align_corners=False)
        found: Tensor = self.out(self.features(small).flatten(1))
        return found


def encoder(G: Generator, prior: Prior, *, train: bool = False) -> Callable[[Tensor], Tensor] | None:
    """pictures -> w [N, w_dim]: the encoder kept for this model, or trained now; None without one."""
    path = cache.place("encoders", f"{fingerprint(G)[:24]}.safetensors")
    net = Encoder(G.img_channels, G.w_dim).to(G.device)
    if not train and not path.exists():
        return None
    if train:
        teach(net, G, prior, steps=STEPS)
        with files.part_file(path, overwrite=True) as part:
            save_file({name: value.cpu().contiguous() for name, value in net.state_dict().items()}, part)
    elif not _read(net, path):
        return None
    net.requires_grad_(False).eval()
    return lambda img: prior.colour(net(img))


def _read(net: Encoder, path: Path) -> bool:
    try:
        net.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        log.warning("the encoder %s cannot be read (%s): searches begin in the bank", path.name, reason)
        return False
    return True


def teach(
    net: Encoder, G: Generator, prior: Prior, *, steps: int = STEPS, batch: int = BATCH, seed: int = 0,
    watch: Callable[[int, float], None] = lambda step, loss: None,
) -> None:  # fmt: skip
    """Trains on fresh samples, reduced and disturbed: mean squared error of v, which is 1 for a blind guess."""
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    rng = torch.Generator().manual_seed(seed)
    for step in range(steps):
        w = sample_w(G, batch, 72, seed, step)
        with torch.no_grad():
            img = disturbed(at_most(G.synthesis(w[:, None].expand(-1, G.num_ws, -1)), SIZE), rng)
        loss = F.mse_loss(net(img), prior.whiten(w))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        watch(step, float(loss.detach()))


def disturbed(img: Tensor, rng: torch.Generator) -> Tensor:
    """What cameras do: brightness, contrast and grain, another for each picture [N, C, H, W]."""
    count = len(img)
    gain = 1 + 0.2 * torch.randn(count, 1, 1, 1, generator=rng)
    lift = 0.1 * torch.randn(count, 1, 1, 1, generator=rng)
    grain = 0.05 * torch.randn(img.shape, generator=rng)
    return (img * gain.to(img) + lift.to(img) + grain.to(img)).clamp(-1, 1)
