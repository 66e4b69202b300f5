"""What every model promises: Generator (latent -> image) and Translator (image -> image)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

NoiseMode = Literal["const", "random", "none"]
NOISE_MODES: tuple[NoiseMode, ...] = ("const", "random", "none")


class Generator(torch.nn.Module):
    """z and class in, ws between, image out. A family without W has an identity mapping and `num_ws = 1`.

    Facts a loader sets: `name` (for people), `family`, `sha256` of the checkpoint, `class_names`
    (empty, or one string per class).
    """

    z_dim: int
    c_dim: int
    w_dim: int
    num_ws: int
    img_resolution: int
    """The longer side in pixels."""
    img_size: tuple[int, int]
    """(height, width) in pixels."""
    img_channels: int
    w_avg: Tensor
    """Centre of truncation, [w_dim]."""

    name: str = "unnamed"
    family: str = ""
    sha256: str = ""
    class_names: Sequence[str] = ()

    def mapping(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """z [N, z_dim], c [N, c_dim] (weights of classes, a row sums to 1) -> ws [N, num_ws, w_dim].

        Truncation pulls w toward `w_avg` by psi (1 leaves it, 0 gives the average) in the first
        `truncation_cutoff` of the num_ws rows, in all of them when it is None.
        """
        raise NotImplementedError

    def synthesis(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """ws [N, num_ws, w_dim] -> images [N, C, H, W], about [-1, 1].

        `noise_mode`: "const" uses the maps stored in the checkpoint, "none" leaves noise out, "random" needs
        `noise`. `noise` replaces maps by layer name ([H, W] or [N, 1, H, W]); see `noise_shapes`.
        """
        raise NotImplementedError

    @property
    def noise_shapes(self) -> dict[str, tuple[int, int]]:
        """Layer name -> (height, width) of its noise map; empty for a model without noise inputs."""
        return {}

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.w_avg.device

    def forward(self, z: Tensor, c: Tensor | None = None, *, truncation_psi: float = 1.0) -> Tensor:
        """`synthesis(mapping(z, c))`."""
        return self.synthesis(self.mapping(z, c, truncation_psi=truncation_psi))


@runtime_checkable
class Translator(Protocol):
    """Image -> image: pix2pix, fast style, cartoon, DeepDream."""

    name: str

    def translate(self, img: Tensor, strength: float = 1.0) -> Tensor:
        """img [N, C, H, W] in [-1, 1] -> the same shape; strength 0 returns the picture as it came."""
        ...
