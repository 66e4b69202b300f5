"""Whitening and colouring (Li et al. 2017, arXiv:1705.08086): features get the style's means and covariances.

From relu5_1 to relu1_1, each level with an encoder and a decoder of its own. Files: a folder with
vgg_normalised_conv<1..5>_1.pth and feature_invertor_conv<1..5>_1.pth (pietrocarbo/deep-transfer), or the 16 times
smaller 1SE.pth ... 5SE.pth and 1SD.pth ... 5SD.pth (MingSun-Tse/Collaborative-Distillation). Fewer levels do, too.
The style vector is the mean and the covariance of each level, the deepest first: mixes of styles are valid styles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.media.transparency import rgb
from latentart.translators.base import Translator
from latentart.translators.style import vgg_autoencoder
from latentart.translators.style.adain import chain, chosen, large_enough
from latentart.translators.style.palette import power
from latentart.translators.tensor_names import fill, numbered, renamed
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.containers.folder import by_file

FAMILY = "wct"
KIND = "style"
LOOKS_FOR = "a folder with vgg_normalised_conv<n>_1.pth and feature_invertor_conv<n>_1.pth, or <n>SE.pth and <n>SD.pth"
FULL = ("vgg_normalised_conv{}_1", "feature_invertor_conv{}_1")
SMALL = ("{}SE", "{}SD")
SMALLEST_EIGENVALUE = 1e-5
"""Directions that hardly vary are left out: whitening would blow their noise up."""


class Wct(Translator):
    """widths: depth -> (channels of its encoder, of its decoder). small: how the smaller networks pool and end."""

    strength_by = "features"

    def __init__(self, widths: Mapping[int, tuple[list[int], list[int]]], *, small: bool = False) -> None:
        super().__init__()
        deepest = max(widths)
        self.multiple = 2 ** (deepest - 1)
        self.smallest = 2 * self.multiple
        self.encoders = torch.nn.ModuleDict(
            {str(d): vgg_autoencoder.Encoder(e, ceil=not small) for d, (e, _) in widths.items()}
        )
        self.decoders = torch.nn.ModuleDict(
            {str(d): vgg_autoencoder.Decoder(e[-1], w, rectified=small) for d, (e, w) in widths.items()}
        )
        self.levels = {depth: encoder[-1] for depth, (encoder, _) in sorted(widths.items(), reverse=True)}
        self.style_dim = sum(channels * (channels + 1) for channels in self.levels.values())

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], style [style_dim] or [N, style_dim] -> the same. Raises SettingsError."""
        for depth, (mean, covariance) in self._read(chosen(self, style)).items():
            features = self.encoders[str(depth)](img)
            img = self.decoders[str(depth)](torch.lerp(features, coloured(features, mean, covariance), strength))
        return img

    def style_of(self, img: Tensor) -> Tensor:
        """The style of a picture [1, 3, H, W] in [-1, 1] -> [style_dim]."""
        img = large_enough(rgb(img), self.smallest)
        parts = []
        for depth in self.levels:
            _, mean, covariance = centred(self.encoders[str(depth)](img))
            parts += [mean.flatten(), covariance.flatten()]
        return torch.cat(parts).to(img.dtype)

    def _read(self, style: Tensor) -> dict[int, tuple[Tensor, Tensor]]:
        """style [N or 1, style_dim] -> depth -> (mean [N or 1, C, 1], covariance [N or 1, C, C]), float64."""
        found, at = {}, 0
        for depth, channels in self.levels.items():
            mean, covariance = style.double()[:, at : at + channels * (channels + 1)].split_with_sizes(
                [channels, channels**2], dim=1
            )
            found[depth] = mean[..., None], covariance.view(-1, channels, channels)
            at += channels * (channels + 1)
        return found


def coloured(features: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """features [N, C, h, w], whitened, with another mean [N or 1, C, 1] and covariance [N or 1, C, C]."""
    flat, _, own = centred(features)
    whitened = power(own, -0.5, SMALLEST_EIGENVALUE) @ flat
    made = power(covariance, 0.5, SMALLEST_EIGENVALUE) @ whitened + mean
    return made.view(features.shape).to(features.dtype)


def centred(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(features [N, C, h w] of mean 0, the mean [N, C, 1], the covariance [N, C, C]), float64."""
    flat = features.double().flatten(2)
    mean = flat.mean(2, keepdim=True)
    flat = flat - mean
    return flat, mean, flat @ flat.mT / (flat.shape[2] - 1)


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether a file of the folder is called as one of these networks."""
    return any(_role(stem) for stem in by_file(tensors))


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Tensors in our names. Raises WeightsError naming the files or keys that are missing."""
    files = by_file(tensors)
    roles = [role for stem in files if (role := _role(stem))]
    small = any(naming is SMALL for naming, _ in roles)
    naming = SMALL if small else FULL
    depths = sorted({depth for _, depth in roles}, reverse=True)
    made: dict[str, Tensor] = {}
    for depth in depths:
        for part, name in enumerate(naming):
            stem = name.format(depth)
            if stem not in files:
                raise WeightsError(f"level {depth} of this WCT lacks {stem}.pth: give a folder with both of its files")
            made |= _level(files[stem], depth, part, small)
    levels = ", ".join(map(str, depths))
    return Parts(made, {"small": small}, (f"levels {levels}", "16 times smaller" if small else "VGG-19"))


def build(checkpoint: Checkpoint, levels: Any = None) -> Translator:
    """The network. levels: those to play, such as [3, 2, 1]; None for all. Raises WeightsError, SettingsError."""
    tensors = checkpoint.tensors
    there = numbered(tensors, r"encoders\.(\d)\.")
    wanted = there if levels is None else [int(level) for level in levels]
    if not wanted or set(wanted) - set(there):
        raise SettingsError(f"levels {levels!r}: this WCT has {', '.join(map(str, there)) or 'none'}")
    widths = {
        d: (
            vgg_autoencoder.widths_of(tensors, f"encoders.{d}"),
            vgg_autoencoder.widths_of(tensors, f"decoders.{d}", backwards=True),
        )
        for d in wanted
    }
    with torch.device("meta"):
        T = Wct(widths, small=bool(checkpoint.config.get("small", False)))
    played = {n: t for n, t in tensors.items() if levels is None or int(n.split(".")[1]) in wanted}
    fill(T, played, what=FAMILY)
    return T


def _level(tensors: Mapping[str, Tensor], depth: int, part: int, small: bool) -> dict[str, Tensor]:
    """One encoder (part 0) or decoder (part 1) in our names."""
    ours = f"{('encoders', 'decoders')[part]}.{depth}"
    places = (vgg_autoencoder.encoder_positions if part == 0 else vgg_autoencoder.decoder_positions)(depth)
    if small:
        names = {name: name.replace("conv", "convs.conv") for name in places.values()}
        table = {f"{_short(n)}.{of}": f"{ours}.{name}.{of}" for n, name in names.items() for of in ("weight", "bias")}
    else:
        table = chain(ours, places)
    return renamed(tensors, table, what=f"WCT level {depth}", unused=r".*_aux\..*")


def _short(name: str) -> str:
    """'conv5_1' -> 'conv51', 'colour' -> 'conv0': names of the smaller networks."""
    return "conv0" if name == "colour" else name.replace("_", "")


def _role(stem: str) -> tuple[tuple[str, str], int] | None:
    """(naming, depth) of a file of these, None for others."""
    for naming in (FULL, SMALL):
        for name in naming:
            if found := re.fullmatch(name.replace("{}", "([1-5])"), stem):
                return naming, int(found[1])
    return None
