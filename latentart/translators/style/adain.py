"""AdaIN (Huang and Belongie 2017, arXiv:1703.06868): the means and deviations of VGG's relu4_1 are the style.

Files of naoto0804/pytorch-AdaIN: a folder with vgg_normalised.pth and decoder.pth (or decoder_iter_160000.pth.tar).
The style vector is mean after deviation of the 512 channels: styles are mixed and walked through by plain arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.media.transparency import rgb
from latentart.translators.base import Translator, pad
from latentart.translators.style import palette, vgg_autoencoder
from latentart.translators.tensor_names import fill, renamed
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.containers.folder import by_file

FAMILY = "adain"
KIND = "style"
LOOKS_FOR = "a folder with vgg_normalised.pth and decoder.pth (0.weight ... and 1.weight ... 28.weight)"
LICENCE = "MIT, naoto0804/pytorch-AdaIN"
DEPTH = 4


class AdaIn(Translator):
    """encoder, decoder: channels after each convolution. preserve_colour: the result gets the picture's colours."""

    licence = LICENCE
    multiple, smallest = 8, 16
    strength_by = "features"

    def __init__(self, encoder: list[int], decoder: list[int], *, preserve_colour: bool = False) -> None:
        super().__init__()
        self.encoder, self.decoder = vgg_autoencoder.Encoder(encoder), vgg_autoencoder.Decoder(encoder[-1], decoder)
        self.style_dim = 2 * encoder[-1]
        self.preserve_colour = preserve_colour

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], style [style_dim] or [N, style_dim] -> the same. Raises SettingsError."""
        features = self.encoder(img)
        made: Tensor = self.decoder(torch.lerp(features, restyled(features, chosen(self, style)), strength))
        return palette.matched(made, img) if self.preserve_colour else made

    def style_of(self, img: Tensor, like: Tensor | None = None) -> Tensor:
        """The style of a picture [1, 3, H, W] in [-1, 1] -> [style_dim]; `like`: one whose colours it gets first."""
        coloured = rgb(img) if like is None else palette.matched(rgb(img), rgb(like)).clamp(-1, 1)
        mean, deviation = vgg_autoencoder.statistics(self.encoder(large_enough(coloured, self.smallest)))
        return torch.cat([mean, deviation], dim=1)[0].flatten()


def restyled(features: Tensor, style: Tensor) -> Tensor:
    """features [N, C, h, w] with the means and deviations that style [N or 1, 2 C] holds."""
    mean, deviation = vgg_autoencoder.statistics(features)
    wanted_mean, wanted_deviation = style[:, :, None, None].chunk(2, dim=1)
    return (features - mean) / deviation * wanted_deviation + wanted_mean


def chosen(T: Translator, style: Tensor | None) -> Tensor:
    """The style to play, [N or 1, style_dim]. Raises SettingsError without a style, or for one of another length."""
    if style is None:
        raise SettingsError(f"{T.name} has no style of its own: give a picture, such as --style painting.jpg")
    if style.shape[-1] != T.style_dim:
        raise SettingsError(
            f"a style of {style.shape[-1]} numbers: {T.name} plays {T.style_dim}, as its style_of gives"
        )
    return style if style.ndim == 2 else style[None]


def large_enough(img: Tensor, smallest: int) -> Tensor:
    """A style picture, with its edges reflected where it is smaller than the network takes."""
    return pad(img, smallest) if min(img.shape[-2:]) < smallest else img


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether it is the folder, or one of its two files."""
    files = by_file(tensors)
    return any(_is_decoder(stem, found) or _is_encoder(stem, found) for stem, found in files.items())


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Tensors in our names. Raises WeightsError naming the file or the keys that are missing."""
    files = by_file(tensors)
    encoder = next((f for stem, f in files.items() if _is_encoder(stem, f)), None)
    decoder = next((f for stem, f in files.items() if _is_decoder(stem, f)), None)
    if encoder is None or decoder is None:
        lost = "vgg_normalised.pth" if encoder is None else "decoder.pth"
        raise WeightsError(f"half of an AdaIN, {lost} is missing: give a folder with both files")
    made = renamed(
        encoder, chain("encoder", vgg_autoencoder.encoder_positions(DEPTH)), what="AdaIN encoder", unused=r"\d+\..*"
    )
    made |= renamed(decoder, chain("decoder", vgg_autoencoder.decoder_positions(DEPTH)), what="AdaIN decoder")
    return Parts(made, {}, ("style: means and deviations of relu4_1",))


def build(checkpoint: Checkpoint, preserve_colour: bool = False) -> Translator:
    """The network. preserve_colour: results get the colours of the picture they were made from. Raises WeightsError."""
    tensors = checkpoint.tensors
    with torch.device("meta"):
        T = AdaIn(
            vgg_autoencoder.widths_of(tensors, "encoder"),
            vgg_autoencoder.widths_of(tensors, "decoder", backwards=True),
            preserve_colour=bool(preserve_colour),
        )
    fill(T, tensors, what=FAMILY)
    return T


def chain(part: str, positions: Mapping[int, str]) -> dict[str, str]:
    """Names in a numbered chain -> ours."""
    names = {number: name if name == "colour" else f"convs.{name}" for number, name in positions.items()}
    return {f"{n}.{of}": f"{part}.{name}.{of}" for n, name in names.items() for of in ("weight", "bias")}


def _is_encoder(stem: str, tensors: Mapping[str, Tensor]) -> bool:
    """VGG, to relu4_1 or further. WCT's are cut off behind the layer that their names tell."""
    first = tensors.get("0.weight")
    return (
        first is not None and first.shape == (3, 3, 1, 1) and "29.weight" in tensors and not re.search("conv._1", stem)
    )


def _is_decoder(stem: str, tensors: Mapping[str, Tensor]) -> bool:
    last = tensors.get("28.weight")
    known = last is not None and last.ndim == 4 and last.shape[0] == 3 and "1.weight" in tensors
    return known and not re.search("conv._1", stem)
