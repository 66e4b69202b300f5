"""The U-Net of pix2pix (Isola et al. 2017, arXiv:1611.07004): halved down to a few pixels, doubled up again.

At every size the way up sees what the way down had found there. The files of pytorch-CycleGAN-and-pix2pix and of
affinelayer's TensorFlow port both end here; the two differ in details that `Config` names.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.translators import configs, tensor_names
from latentart.translators.base import Translator
from latentart.translators.layers import Dropout, Norm, make_norm
from latentart.translators.pix2pix import switches
from latentart.weights.checkpoint import Checkpoint

DEEPEST = 12
"""Levels: a picture of 4096 pixels halved down to one."""


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a U-Net."""

    in_channels: int
    out_channels: int
    widths: tuple[int, ...]
    """Channels after each halving, the outermost first."""
    norm: Norm
    bias: bool
    """Of the convolutions that a normalisation follows. The last one always has a bias."""
    innermost_norm: bool = False
    """Whether the last halving is normalised too: in TensorFlow it is."""
    dropout: tuple[int, ...] = ()
    """Levels whose way up was trained with dropout, 0 the outermost."""
    eps: float = 1e-5
    """Added to the variance by the normalisations."""
    trained_at: int = 0
    """Side of the pictures it was trained on, 0 where nothing says."""


class Level(torch.nn.Module):
    """One halving and its doubling, with what lies between them."""

    def __init__(self, config: Config, number: int) -> None:
        super().__init__()
        inner = number == len(config.widths) - 1
        width = config.widths[number]
        before = config.widths[number - 1] if number else config.in_channels
        after = config.widths[number - 1] if number else config.out_channels
        down_norm = number > 0 and (not inner or config.innermost_norm)
        # Without a normalisation after it, pix2pix's convolutions follow the same switch.
        self.down = torch.nn.Conv2d(before, width, 4, 2, 1, bias=config.bias)
        self.down_norm = make_norm(config.norm if down_norm else "none", width, eps=config.eps)
        up_bias = config.bias or number == 0
        self.up = torch.nn.ConvTranspose2d(width if inner else 2 * width, after, 4, 2, 1, bias=up_bias)
        self.up_norm = make_norm(config.norm if number else "none", after, eps=config.eps)
        self.dropout = Dropout(number) if number in config.dropout else torch.nn.Identity()

    def halved(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, width, H / 2, W / 2]."""
        return self.down_norm(self.down(x))  # type: ignore[no-any-return]

    def doubled(self, x: Tensor) -> Tensor:
        """[N, width (twice that with what the way down had found), h, w] -> [N, after, 2 h, 2 w]."""
        return self.dropout(self.up_norm(self.up(F.relu(x))))  # type: ignore[no-any-return]


class UNet(Translator):
    """A U-Net as a translator; see `Config`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.in_channels = config.in_channels
        self.multiple = 2 ** len(config.widths)
        # A smaller picture would be mostly its own reflection.
        self.smallest = self.multiple // 4
        self.tiles = True
        self.trained_at = config.trained_at
        self.levels = torch.nn.ModuleList(Level(config, i) for i in range(len(config.widths)))

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """[N, in_channels, H, W] -> [N, out_channels, H, W], tanh."""
        outermost, *inner = (level for level in self.levels if isinstance(level, Level))
        found = [outermost.halved(img)]
        for level in inner:
            found.append(level.halved(F.leaky_relu(found[-1], 0.2)))
        x = found.pop()
        for level in reversed(inner):
            x = torch.cat([found.pop(), level.doubled(x)], dim=1)
        return torch.tanh(outermost.doubled(x))


def built(checkpoint: Checkpoint, *, dropout: bool = False, norm: str = "image", seed: int | None = None) -> UNet:
    """The U-Net of a checkpoint in our names, with its switches set. Raises WeightsError, SettingsError."""
    config = configs.read(Config, checkpoint.config, CHECKS, "U-Net")
    with torch.device("meta"):
        T = UNet(config)
    tensor_names.fill(T, checkpoint.tensors, what="U-Net", switches=checkpoint.inferred)
    return switches.played(T, checkpoint, in_words(config), dropout=dropout, norm=norm, seed=seed)


def in_words(config: Config) -> list[str]:
    """The config that the tensors determine."""
    norm = "batch norm of the current image" if config.innermost_norm else f"{config.norm} norm"
    return [f"U-Net of {len(config.widths)} levels, {config.widths[0]} wide", norm]


CHECKS = {
    "in_channels": configs.is_count,
    "out_channels": configs.is_channels,
    "widths": lambda v: configs.are_counts(v, DEEPEST),
    "norm": configs.is_norm,
    "bias": configs.is_truth,
    "innermost_norm": configs.is_truth,
    "eps": configs.is_epsilon,
    "dropout": lambda v: configs.are_numbers(v, DEEPEST),
    "trained_at": configs.is_side,
}
