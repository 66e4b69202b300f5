"""ProGAN generators (Karras et al. 2018, arXiv:1710.10196), whichever port they were trained with.

A point on a sphere becomes a 4 x 4 picture of many channels; every further level doubles it by repeating pixels and
convolves twice. There is no W: z, brought to unit size, is what walks move.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.models import ops
from latentart.models.base import NoiseMode, Synthesizer
from latentart.models.direct import Direct, built
from latentart.weights.checkpoint import Checkpoint

FAMILY = "progan"


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a ProGAN generator."""

    z_dim: int
    widths: tuple[int, ...]
    """Channels after the start, then after each convolution."""
    img_channels: int
    normalize_start: bool
    """Whether the first layer is followed by pixel normalisation, which one port leaves out."""
    unit_output: bool
    """Whether pictures come out as 0 .. 1 instead of -1 .. 1."""

    @property
    def size(self) -> int:
        """Pixels on each side: the start and one convolution are 4 x 4, every further pair doubles."""
        size: int = 4 << (len(self.widths) - 2) // 2
        return size


class SynthesisNetwork(Synthesizer):
    """A point on the sphere to an image."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.start = torch.nn.Linear(config.z_dim, 16 * config.widths[0])
        pairs = zip(config.widths[:-1], config.widths[1:], strict=True)
        self.layers = torch.nn.ModuleList(torch.nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.torgb = torch.nn.Conv2d(config.widths[-1], config.img_channels, 1)

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """[N, 1, z_dim] -> [N, C, H, W]; a ProGAN has no noise inputs."""
        x = F.leaky_relu(self.start(ws[:, 0].to(self.start.weight.dtype)), 0.2).view(len(ws), -1, 4, 4)
        if self.config.normalize_start:
            x = ops.unit_rms(x)
        for index, layer in enumerate(self.layers):
            if index % 2 == 1:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = ops.unit_rms(F.leaky_relu(layer(x), 0.2))
        img: Tensor = self.torgb(x)
        return img * 2 - 1 if self.config.unit_output else img


def matches(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is a ProGAN generator."""
    return checkpoint.config.get("family") == FAMILY


def build(checkpoint: Checkpoint) -> Direct:
    """A checkpoint -> the generator it describes, in float32, without gradients. Raises WeightsError."""
    return built(checkpoint, SynthesisNetwork, read_config, normalize=True)


def read_config(tensors: Mapping[str, Tensor], stored: Mapping[str, Any]) -> Config:
    """Shapes from tensors; the wiring from the config that `latentart.weights.progan` made."""
    start, z_dim = tensors["start.weight"].shape
    count = sum(bool(re.fullmatch(r"layers\.\d+\.weight", name)) for name in tensors)
    widths = (start // 16, *(tensors[f"layers.{i}.weight"].shape[0] for i in range(count)))
    channels = tensors["torgb.weight"].shape[0]
    return Config(z_dim, widths, channels, bool(stored["normalize_start"]), bool(stored["unit_output"]))
