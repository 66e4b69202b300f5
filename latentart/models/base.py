"""The contract of generators: latent -> image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from latentart.errors import SettingsError, unknown

NoiseMode = Literal["const", "random", "none"]
NOISE_MODES: tuple[NoiseMode, ...] = ("const", "random", "none")


class Mapper(torch.nn.Module):
    """The first half of a generator: z and class -> ws."""

    w_avg: Tensor
    """Centre of truncation, [w_dim]."""

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        **published: Any,
    ) -> Tensor:
        """z [N, z_dim], c [N, c_dim] (weights of classes, a row sums to 1) -> ws [N, num_ws, w_dim].

        Truncation pulls w toward `w_avg` by psi (1 leaves it, 0 gives the average) in the first
        `truncation_cutoff` of the num_ws rows, in all of them when it is None. published: see `check_published`.
        """
        raise NotImplementedError


class Synthesizer(torch.nn.Module):
    """The second half of a generator: ws -> image."""

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
        **published: Any,
    ) -> Tensor:
        """ws [N, num_ws, w_dim] -> images [N, C, H, W], about [-1, 1].

        `noise_mode`: "const" uses the maps stored in the checkpoint, "none" leaves noise out, "random" draws
        fresh maps from torch's global generator (for training; films pass their own seeded `noise`).
        `noise` replaces maps by layer name, [H, W] or [N, 1, H, W]; see `Generator.noise_shapes`.
        published: see `check_published`.
        """
        raise NotImplementedError


class Generator(torch.nn.Module):
    """A model that makes pictures: `mapping`, `synthesis`, and the facts a walk needs.

    A family without W has an identity mapping and `num_ws = 1`: nothing downstream asks which family it is.
    """

    mapping: Mapper
    synthesis: Synthesizer

    z_dim: int
    c_dim: int
    w_dim: int
    num_ws: int
    img_size: tuple[int, int]
    """(height, width) in pixels."""
    img_channels: int

    family: str = ""
    name: str = "unnamed"
    sha256: str = ""
    class_names: Sequence[str] = ()
    border: int = 0
    """Pixels at each edge that the model draws badly, by its card: cut off where pictures meet each other."""
    noise_shapes: Mapping[str, tuple[int, int]]
    """Layer name -> (height, width) of its noise map; empty for a model without noise inputs."""
    can_be_moved: bool = False
    """Whether `synthesis` takes a `transform` that moves and turns the picture; see `moved`."""

    @property
    def img_resolution(self) -> int:
        """The longer side in pixels."""
        return max(self.img_size)

    @property
    def w_avg(self) -> Tensor:
        """Centre of truncation, [w_dim]."""
        return self.mapping.w_avg

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.w_avg.device

    @property
    def sizes(self) -> list[int]:
        """Longer sides, in pixels, at which `lower` can draw, ascending; the last is the full one."""
        return [self.img_resolution]

    def lower(self, ws: Tensor, size: int, noise: Mapping[str, Tensor] | None = None) -> Tensor:
        """ws [N, num_ws, w_dim] -> [N, C, h, w] whose longer side is `size`, one of `sizes`; constant noise.

        `noise` replaces maps by layer name, as in `Synthesizer.forward`.
        """
        img: Tensor = self.synthesis(ws, noise_mode="const", noise=noise)
        return img

    def moved(self, transform: Tensor) -> Callable[..., Tensor]:
        """`synthesis` with the picture moved and turned by transform, [3, 3] or [N, 3, 3]; see `placed`.

        Raises SettingsError for a model that cannot be moved.
        """
        if not self.can_be_moved:
            raise SettingsError(f"{self.name} ({self.family}) cannot be moved or turned: only StyleGAN3 can")
        return partial(self.synthesis, transform=transform)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        **drawing: Any,
    ) -> Tensor:
        """`synthesis(mapping(z, c), **drawing)`: [N, z_dim] -> [N, C, H, W]; see `Synthesizer.forward`."""
        ws = self.mapping(z, c, truncation_psi=truncation_psi, truncation_cutoff=truncation_cutoff)
        img: Tensor = self.synthesis(ws, **drawing)
        return img


def placed(translate: Sequence[float] = (0.0, 0.0), rotate: float = 0.0) -> Tensor:
    """The transform, [3, 3], of a picture turned by degrees (counter-clockwise), then moved by (x, y) picture widths.

    x goes right, y down: the signs of NVIDIA's `gen_images.py`. Raises SettingsError for what is not a number.
    """
    x, y = (float(v) for v in translate)
    if not all(map(math.isfinite, (x, y, rotate))):
        raise SettingsError(f"a picture moved by {tuple(translate)!r} and turned by {rotate!r}: give numbers")
    turn = math.radians(rotate)
    cos, sin = math.cos(turn), math.sin(turn)
    # The waves are asked where a pixel comes from: the inverse of moving the picture.
    return torch.tensor([[cos, -sin, sin * y - cos * x], [sin, cos, -sin * x - cos * y], [0.0, 0.0, 1.0]])


PUBLISHED = ("force_fp32", "fused_modconv", "update_emas", "skip_w_avg_update")
"""Switches of NVIDIA's generators that do not change a picture here: all is float32, nothing is trained."""


def check_published(given: Mapping[str, object]) -> None:
    """Raises SettingsError for a keyword that is none of `PUBLISHED`, which are taken and have no effect."""
    for name in given:
        if name not in PUBLISHED:
            raise SettingsError(unknown("setting of a generator:", name, DRAWING))


DRAWING = ("noise_mode", "noise", "transform", "truncation_psi", "truncation_cutoff")


def check_noise_mode(mode: str) -> NoiseMode:
    """Returns `mode` when it is const, random or none; raises SettingsError otherwise."""
    for known in NOISE_MODES:
        if mode == known:
            return known
    raise SettingsError(unknown("noise mode", mode, NOISE_MODES))


def truncate(w: Tensor, w_avg: Tensor, num_ws: int, psi: float, cutoff: int | None) -> Tensor:
    """w [N, w_dim] -> ws [N, num_ws, w_dim], pulled toward w_avg (Karras et al. 2019, section B)."""
    ws = w.unsqueeze(1).repeat(1, num_ws, 1)
    if psi == 1:
        return ws
    pulled = w_avg + psi * (ws - w_avg)
    return pulled if cutoff is None else torch.cat([pulled[:, :cutoff], ws[:, cutoff:]], dim=1)
