"""Adaptive discriminator augmentation (Karras et al. 2020, arXiv:2006.06676), written from the paper.

Pictures are changed by chance before a discriminator sees them, real and generated alike, so that few pictures are
not learned by heart. A generator does not learn the changes as long as each is left out often enough (section 3.1).
RGBA is expected as discriminators see it: colour multiplied by alpha over mid-grey, beside alpha. Geometry then moves
all four channels, mirrored at the edges like the others; colour changes leave alpha and transparent places alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.training.gan.critics import warp

SHIFT = 0.125
"""Largest whole shift, and deviation of the fractional one, in parts of a side."""
SCALE = 0.2 * math.log(2)
BRIGHTNESS, CONTRAST, SATURATION = 0.2, 0.5 * math.log(2), math.log(2)
"""Deviations: of the value added, and of the logarithms of factors."""
MOST = 0.8
"""Highest strength of the controller: above it turns begin to leak into the pictures (figure 3 of the paper)."""
INTERVAL = 4
"""Updates after which the controller decides, as in the paper's training."""


class Augment(torch.nn.Module):
    """Mirroring, turns, shifts, scales, rotation and colours, each applied to a picture with a probability.

    Random numbers come from torch's global generator of the CPU, so that every device makes the same changes.
    Pictures that are not square get half turns instead of quarter turns.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels not in (1, 3, 4):
            raise SettingsError(f"cannot augment pictures of {channels!r} channels: give 1 (grey), 3 (RGB) or 4 (RGBA)")
        self.channels = channels

    def forward(self, images: Tensor, strength: float) -> Tensor:
        """images [N, C, H, W] in [-1, 1]; strength 0..1 is the probability of each change -> the same shape."""
        if not 0 <= strength <= 1:
            raise SettingsError(f"augmentation strength {strength!r} is out of range: give 0 to 1")
        if strength == 0:
            return images
        with torch.autocast(images.device.type, enabled=False):
            x = images if images.dtype == torch.float64 else images.float()
            return coloured(warped(blitted(x, strength), strength), strength).to(images.dtype)


def blitted(images: Tensor, strength: float) -> Tensor:
    """Mirror, turn by quarters and shift by whole pixels: no pixel changes its value."""
    count, channels, height, width = images.shape
    flip = chosen(count, strength) & (torch.rand(count) < 0.5)
    turns = torch.where(chosen(count, strength), torch.randint(4, (count,)), 0)
    if height != width:
        turns = turns // 2 * 2
    far = torch.tensor([height * SHIFT, width * SHIFT])
    shift = torch.where(chosen(count, strength)[:, None], ((torch.rand(count, 2) * 2 - 1) * far).round().long(), 0)
    active = flip | (turns != 0) | (shift != 0).any(dim=1)
    if not active.any():
        return images
    source = sources(flip[active], turns[active], shift[active], (height, width)).to(images.device)
    which = active.nonzero()[:, 0].to(images.device)
    picked = images[which].flatten(2).gather(2, source.flatten(1)[:, None].expand(-1, channels, -1))
    return images.index_copy(0, which, picked.view(-1, channels, height, width))


def sources(flip: Tensor, turns: Tensor, shift: Tensor, size: tuple[int, int]) -> Tensor:
    """Where each pixel comes from, [N, H, W] as y * W + x: flip [N] bool, turns [N] quarters, shift [N, 2] (y, x)."""
    height, width = size
    y = warp.mirrored(torch.arange(height)[None, :, None] - shift[:, 0, None, None], height).expand(-1, -1, width)
    x = warp.mirrored(torch.arange(width)[None, None] - shift[:, 1, None, None], width).expand(-1, height, -1)
    for quarter in range(3):
        turned = (turns > quarter)[:, None, None]
        # In the half turn of a picture that is not square, each quarter passes through the other shape.
        last = (height if quarter % 2 == 0 else width) - 1
        y, x = torch.where(turned, x, y), torch.where(turned, last - y, x)
    x = torch.where(flip[:, None, None], width - 1 - x, x)
    return y * width + x


def warped(images: Tensor, strength: float) -> Tensor:
    """Scale, rotate, stretch, rotate again and shift by fractions of a pixel."""
    inverse, active = geometry(len(images), strength, (images.shape[2], images.shape[3]))
    if not active.any():
        return images
    which = active.nonzero()[:, 0].to(images.device)
    made = warp.warp(images[which], inverse[active].to(images.device, images.dtype))
    return images.index_copy(0, which, made)


def geometry(count: int, strength: float, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """(inverse maps [N, 2, 3] in pixels, which of them [N] are not the identity)."""
    # Two rotations are drawn; together they leave a picture upright with the probability that one change would.
    rotation = 1 - math.sqrt(1 - strength)
    draws = [
        (chosen(count, strength), torch.randn(count) * SCALE),
        (chosen(count, rotation), (torch.rand(count) * 2 - 1) * math.pi),
        (chosen(count, strength), torch.randn(count) * SCALE),
        (chosen(count, rotation), (torch.rand(count) * 2 - 1) * math.pi),
    ]
    scale, first, stretch, second = (torch.where(use, value, 0.0) for use, value in draws)
    moved = chosen(count, strength)
    shift = torch.randn(count, 2) * SHIFT * torch.tensor([size[1], size[0]])
    shift = torch.where(moved[:, None], shift, 0.0)
    turns = rotations(-first) * (-scale).exp()[:, None, None]
    linear = turns @ torch.diag_embed(torch.stack([-stretch, stretch], dim=1).exp()) @ rotations(-second)
    inverse = torch.cat([linear, -(linear @ shift[:, :, None])], dim=2)
    return inverse, torch.stack([*(use for use, _ in draws), moved]).any(dim=0)


def rotations(angle: Tensor) -> Tensor:
    """Returns rotation matrices: angle [N] in radians -> [N, 2, 2]."""
    cosine, sine = angle.cos(), angle.sin()
    return torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)


def coloured(images: Tensor, strength: float) -> Tensor:
    """Brightness, contrast, inverted luma, hue and saturation. Grey pictures have the first three."""
    matrix, offset, active = colours(len(images), strength)
    if not active.any():
        return images
    which = active.nonzero()[:, 0].to(images.device)
    matrix, offset = (t[active].to(images.device, images.dtype) for t in (matrix, offset))
    return images.index_copy(0, which, recoloured(images[which], matrix, offset))


def recoloured(images: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """Applies matrices [N, 3, 3] and offsets [N] to grey, RGB or RGBA (whose colours are multiplied by alpha)."""
    if images.shape[1] == 1:
        return images * matrix.sum(dim=2).mean(dim=1)[:, None, None, None] + offset[:, None, None, None]
    colour = (matrix @ images[:, :3].flatten(2)).view_as(images[:, :3])
    if images.shape[1] == 3:
        return colour + offset[:, None, None, None]
    alpha = images[:, 3:]
    return torch.cat([colour + offset[:, None, None, None] * ((alpha + 1) / 2), alpha], dim=1)


def colours(count: int, strength: float) -> tuple[Tensor, Tensor, Tensor]:
    """(matrices [N, 3, 3], value added to every channel [N], which [N] change anything)."""
    uses = [chosen(count, strength) for _ in range(5)]
    bright, contrast, flip, hue, saturation = uses
    added = torch.where(bright, torch.randn(count) * BRIGHTNESS, 0.0)
    factor = torch.where(contrast, torch.randn(count) * CONTRAST, 0.0).exp()
    flip = flip & (torch.rand(count) < 0.5)
    angle = torch.where(hue, (torch.rand(count) * 2 - 1) * math.pi, 0.0)
    vivid = torch.where(saturation, torch.randn(count) * SATURATION, 0.0).exp()
    sign = torch.where(flip, -1.0, 1.0)
    # The axis of greys has its own factor; the plane of colours around it is turned and scaled.
    grey = torch.full((3, 3), 1 / 3)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    plane = angle.cos()[:, None, None] * (torch.eye(3) - grey) + angle.sin()[:, None, None] * cross
    matrix = factor[:, None, None] * (sign[:, None, None] * grey + vivid[:, None, None] * plane)
    active = torch.stack([bright, contrast, flip, hue, saturation]).any(dim=0)
    return matrix, added * factor * sign, active


def chosen(count: int, probability: float) -> Tensor:
    """[N] bool, each true with that probability."""
    return torch.rand(count) < probability


class Controller:
    """Steers the strength by how surely the discriminator tells real pictures: up above the target, down below it.

    target: E[sign D(real)] that is aimed at. kimg: thousands of pictures in which the strength moves by 1 at most.
    """

    def __init__(self, target: float = 0.6, kimg: float = 100.0) -> None:
        if not -1 <= target <= 1 or not kimg > 0:
            raise SettingsError(f"target {target!r} and kimg {kimg!r}: give -1 to 1 and more than 0")
        self.target, self.kimg = target, kimg
        self.strength = 0.0
        self._signs, self._images, self._updates = 0.0, 0, 0

    def update(self, mean_sign: float, images: int) -> None:
        """mean_sign: mean of sign D(real) over `images` pictures, -1..1. Every INTERVAL calls the strength moves."""
        self._signs += mean_sign * images
        self._images += images
        self._updates += 1
        if self._updates < INTERVAL or not self._images:
            return
        direction = math.copysign(1, self._signs / self._images - self.target)
        moved = self.strength + direction * self._images / (1000 * self.kimg)
        self.strength = min(max(moved, 0.0), MOST)
        self._signs, self._images, self._updates = 0.0, 0, 0

    def tensors(self) -> dict[str, Tensor]:
        """What a later process needs to go on."""
        values = [self.strength, self._signs, self._images, self._updates]
        return {"controller": torch.tensor(values, dtype=torch.float64)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Undoes `tensors`. Raises WeightsError when they are not such."""
        kept = tensors.get("controller")
        if kept is None or kept.shape != (4,):
            raise WeightsError("the kept augmentation controller is missing or damaged: begin anew")
        self.strength, self._signs = float(kept[0]), float(kept[1])
        self._images, self._updates = int(kept[2]), int(kept[3])
