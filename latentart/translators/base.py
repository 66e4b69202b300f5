"""What every translator promises: a picture in, a picture of the same size out, as strongly as asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import pixels
from latentart.errors import PictureError, SettingsError
from latentart.media.transparency import rgb
from latentart.pixels import GREY_WEIGHTS
from latentart.translators import mixes

StrengthBy = Literal["image", "features", "style"]
Style = Tensor | int | str | Path
"""A vector [style_dim], or a number, a name, a mix of names, a picture's file."""
LARGEST_STRENGTH = 2.0
MOST_SQUARES = 16
"""How many times longer than high a picture may be for a network that draws at one size."""


class Translator(torch.nn.Module):
    """Image -> image. A family implements `forward` for sizes that suit it; `translate` takes any size.

    strength_by: how strengths between 0 and 1 are made. "image" blends the result over the picture (done here);
    "features" and "style" are families that blend inside the network, where half is half the effect and no double
    exposure (they take `strength` in `forward`).
    With a style vector (style_dim > 0) the style is a latent [style_dim] that walks play like any other.
    """

    family: str = ""
    name: str = "unnamed"
    sha256: str = ""
    licence: str = ""
    """What is known of the weights' licence; '' when nothing is."""
    inferred: Sequence[str] = ()
    """The switches that were chosen from the file, in words."""
    multiple: int = 1
    """Sides are padded to a multiple of this."""
    smallest: int = 1
    """The shortest side that the network can take, in pixels."""
    tiles: bool = False
    """Whether it can be drawn in tiles: convolutions and the normalisations of `layers`, nothing that sees it all."""
    trained_at: int = 0
    """Side in pixels of the pictures it was trained on, for a network that draws well only there; 0: any size."""
    in_channels: int = 3
    strength_by: StrengthBy = "image"
    style_dim: int = 0
    style_names: Sequence[str] = ()

    style: Tensor | None = None
    """The style played when none is given, [style_dim]."""

    @property
    def device(self) -> torch.device:
        """Where the weights are; the processor for a translator without weights."""
        return next((p.device for p in self.parameters()), torch.device("cpu"))

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, in_channels, H, W] in [-1, 1], sides multiples of `multiple` -> [N, 1, 3 or 4, H, W], about [-1, 1].

        style: [style_dim], or [N, style_dim], a style for each picture; None for families without.
        strength: for families whose strength_by is not "image".
        """
        raise NotImplementedError

    def style_of(self, img: Tensor) -> Tensor:
        """The style of a picture [1, 3, H, W] in [-1, 1] -> [style_dim]. Raises SettingsError without styles."""
        raise SettingsError(f"{self.name} takes no style from a picture: it is of family {self.family!r}")

    def translate(self, img: Tensor, strength: float = 1.0, *, style: Style | None = None) -> Tensor:
        """img [N, 1, 3 or 4, H, W] in [-1, 1], any size -> [N, 3, H, W] in [-1, 1].

        Strength 0 gives the picture as it came (as RGB), 1 the network's. The sides are padded by reflection to what
        the network takes and cut off again. A network with a size of its own (`trained_at`) draws there, and its
        picture is scaled back. Raises PictureError for a picture that is too small, SettingsError for a
        strength that is no number in 0 .. 2 (above 1 exaggerates).
        """
        check_strength(strength)
        check_picture(img, self.in_channels)
        style = self.style_as_vector(style)
        source = self.prepared(img)
        if strength == 0:
            return rgb(img)
        made = rgb(self._at_its_size(source, strength, style))
        if self.strength_by == "image" and strength != 1:
            made = torch.lerp(rgb(img), made, strength)
        return made.clamp(-1, 1)

    def style_as_vector(self, style: Style | None) -> Tensor | None:
        """A style by number or name, '7=0.5+3=0.5' or a picture's file -> [style_dim]; tensors as they are.

        Raises SettingsError.
        """
        if style is None or isinstance(style, Tensor):
            return style
        numbered = isinstance(style, int) and not isinstance(style, bool) and bool(self.style_names)
        if not numbered and not isinstance(style, str | Path):
            raise SettingsError(f"style is a {type(style).__name__}: give a number, a name, a file or a tensor")
        if not self.style_dim:
            raise SettingsError(f"{self.name} has one style only: leave out {str(style)!r}")
        if self.style_names:
            return mixes.mix(str(style), self.style_names, self.name).to(self.device)
        return self.style_of(pixels.to_float(pixels.open_image(Path(str(style)))).to(self.device))

    def prepared(self, img: Tensor) -> Tensor:
        """img [N, 1, 3 or 4, H, W] in the channels that the network takes: grey by luma, RGB, or RGBA."""
        if img.shape[1] == self.in_channels:
            return img
        colours = rgb(img)
        if self.in_channels == 1:
            return torch.einsum("nchw,c->nhw", colours, img.new_tensor(GREY_WEIGHTS))[:, None]
        return torch.cat([colours, torch.ones_like(img[:, :1])], dim=1) if self.in_channels == 4 else colours

    def _at_its_size(self, source: Tensor, strength: float, style: Tensor | None) -> Tensor:
        """Draws with the shorter side as in training, the longer one padded, and scales the result back."""
        own = (source.shape[-1], source.shape[-2])
        width, height = working_size(own, self.trained_at)
        left, top = -width % self.multiple // 2, -height % self.multiple // 2
        if not self.trained_at or ((width, height) == own and not (left or top)):
            return self._whole(source, strength, style)
        small = pixels.resize(source, (width, height), "stretch").clamp(-1, 1)
        # The border's own colour: a reflection would show a drawing's subject twice.
        sides = (left, -width % self.multiple - left, top, -height % self.multiple - top)
        made = self._whole(F.pad(small, sides, mode="replicate"), strength, style)
        return pixels.resize(made[..., top : top + height, left : left + width], own, "stretch")

    def _whole(self, source: Tensor, strength: float, style: Tensor | None) -> Tensor:
        height, width = source.shape[-2:]
        if min(height, width) < self.smallest:
            raise PictureError(
                f"a picture of {width}x{height} is too small for {self.name}: it takes {self.smallest} pixels or more"
            )
        padded = pad(source, self.multiple)
        chosen = self.style if style is None else style
        made: Tensor = (
            self(padded, style=chosen, strength=strength) if self.style_dim else self._plain(padded, strength)
        )
        return made[..., :height, :width]

    def _plain(self, img: Tensor, strength: float) -> Tensor:
        made: Tensor = self(img) if self.strength_by == "image" else self(img, strength=strength)
        return made


class Wrapper(Translator):
    """A translator that draws what `plain` draws, in another way: it has every fact of the contract in common."""

    def __init__(self, plain: Translator) -> None:
        super().__init__()
        self.plain = plain
        for name in Translator.__annotations__:
            setattr(self, name, getattr(plain, name))

    def style_of(self, img: Tensor) -> Tensor:
        """See `Translator.style_of`."""
        return self.plain.style_of(img)


def check_picture(img: object, channels: int) -> None:
    """Raises SettingsError for what is no tensor of pictures."""
    shape = list(getattr(img, "shape", ()))
    if not isinstance(img, Tensor) or img.ndim != 4 or not img.is_floating_point() or img.shape[1] not in (
        1, 3, 4, channels
    ):  # fmt: skip
        what = f"a {type(img).__name__}{f' of shape {shape}' if shape else ''}"
        raise SettingsError(
            f"pictures are float tensors [N, 1, 3 or 4, H, W] in [-1, 1], this is {what}: "
            "latentart.render.convert.open_picture(file) reads one"
        )


def check_strength(strength: float) -> float:
    """Returns the strength, or raises SettingsError when it is no number in 0 .. 2."""
    if not math.isfinite(strength) or not 0 <= strength <= LARGEST_STRENGTH:
        raise SettingsError(f"strength {strength!r} is out of range: 0 is the picture as it came, 1 the full effect")
    return strength


def working_size(size: tuple[int, int], trained_at: int) -> tuple[int, int]:
    """(width, height) at which a network draws a picture of that size: the shorter side is `trained_at`.

    Very long pictures are made shorter, so that the memory stays bounded. trained_at 0: the picture's own size.
    """
    if not trained_at:
        return size
    scale = min(trained_at / min(size), MOST_SQUARES * trained_at / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def pad(img: Tensor, multiple: int) -> Tensor:
    """img [N, C, H, W] with sides filled up to multiples, at the right and below, by reflection."""
    height, width = img.shape[-2:]
    right, below = -width % multiple, -height % multiple
    while right or below:
        # Reflection can add at most one pixel less than there is: very small pictures take several turns.
        x, y = min(right, img.shape[-1] - 1), min(below, img.shape[-2] - 1)
        if (right and not x) or (below and not y):
            return F.pad(img, (0, right, 0, below), mode="replicate")
        img = F.pad(img, (0, x, 0, y), mode="reflect")
        right, below = right - x, below - y
    return img
