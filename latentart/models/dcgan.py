"""DCGAN generators (Radford et al. 2016, arXiv:1511.06434), as in PyTorch's tutorial and what grew from it.

Batch normalisation is folded into the convolutions by the reader, with its stored averages: a picture then depends on
its own z only, where code that forgets `eval()` lets it depend on the batch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.models.base import NoiseMode, Synthesizer
from latentart.models.direct import Direct, built
from latentart.weights.checkpoint import Checkpoint

FAMILY = "dcgan"


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a DCGAN generator."""

    z_dim: int
    widths: tuple[int, ...]
    """Channels after the start and after each doubling, the picture's last."""
    slope: float
    """Of the leaky ReLU; 0 is a ReLU."""

    @property
    def size(self) -> int:
        """Pixels on each side."""
        return 4 << (len(self.widths) - 1)

    @property
    def img_channels(self) -> int:
        """1 or 3."""
        return self.widths[-1]


class SynthesisNetwork(Synthesizer):
    """z to an image: 4 x 4, then doubled by transposed convolutions of 4 x 4."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.slope = config.slope
        self.start = torch.nn.Linear(config.z_dim, 16 * config.widths[0])
        pairs = zip(config.widths[:-1], config.widths[1:], strict=True)
        self.layers = torch.nn.ModuleList(torch.nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairs)

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """[N, 1, z_dim] -> [N, C, H, W]; a DCGAN has no noise inputs."""
        x = self.start(ws[:, 0].to(self.start.weight.dtype)).view(len(ws), -1, 4, 4)
        for layer in self.layers:
            x = layer(F.leaky_relu(x, self.slope))
        return torch.tanh(x)


def matches(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is a DCGAN generator."""
    return checkpoint.config.get("family") == FAMILY


def build(checkpoint: Checkpoint) -> Direct:
    """A checkpoint -> the generator it describes, in float32, without gradients. Raises WeightsError."""
    return built(checkpoint, SynthesisNetwork, read_config, normalize=False)


def read_config(tensors: Mapping[str, Tensor], stored: Mapping[str, Any]) -> Config:
    """Shapes from tensors; the activation from the config."""
    start, z_dim = tensors["start.weight"].shape
    count = sum(bool(re.fullmatch(r"layers\.\d+\.weight", name)) for name in tensors)
    widths = (start // 16, *(tensors[f"layers.{i}.weight"].shape[1] for i in range(count)))
    return Config(z_dim, widths, float(stored["slope"]))
