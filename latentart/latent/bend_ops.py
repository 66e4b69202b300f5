"""Operations on feature maps [1, C, H, W]: each takes an amount and is the identity at 0, where it is not called."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def _moved(x: Tensor, matrix: Sequence[Sequence[float]]) -> Tensor:
    """x seen through an affine map of places, -1 .. 1 from edge to edge; mirrored beyond the edges."""
    theta = torch.tensor([matrix], dtype=x.dtype, device=x.device).expand(len(x), 2, 3)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def translate_x(x: Tensor, amount: float) -> Tensor:
    """Shifts feature maps to the right by a fraction of the width."""
    return _moved(x, ((1, 0, -2 * amount), (0, 1, 0)))


def translate_y(x: Tensor, amount: float) -> Tensor:
    """Shifts feature maps down by a fraction of the height."""
    return _moved(x, ((1, 0, 0), (0, 1, -2 * amount)))


def rotate(x: Tensor, amount: float) -> Tensor:
    """Rotates feature maps counter-clockwise by an angle in degrees."""
    turn, ratio = math.radians(amount), x.shape[2] / x.shape[3]
    cos, sin = math.cos(turn), math.sin(turn)
    return _moved(x, ((cos, -sin * ratio, 0), (sin / ratio, cos, 0)))


def scale(x: Tensor, amount: float) -> Tensor:
    """Scales feature maps by powers of two: 1 doubles their size, -1 halves it."""
    size: float = 2.0**-amount
    return _moved(x, ((size, 0, 0), (0, size, 0)))


def flip_x(x: Tensor, amount: float) -> Tensor:
    """Mirrors feature maps left to right; 1 is the full mirror image, less blends it in."""
    return torch.lerp(x, x.flip(3), amount)


def flip_y(x: Tensor, amount: float) -> Tensor:
    """Mirrors feature maps top to bottom; 1 is the full mirror image, less blends it in."""
    return torch.lerp(x, x.flip(2), amount)


def invert(x: Tensor, amount: float) -> Tensor:
    """Inverts each feature map around its mean: strong becomes weak; less than 1 blends it in."""
    return torch.lerp(x, 2 * x.mean(dim=(2, 3), keepdim=True) - x, amount)


def threshold(x: Tensor, amount: float) -> Tensor:
    """Sets a feature map to zero where it is below this fraction of its largest value."""
    return torch.where(x.abs() >= amount * x.abs().amax(dim=(2, 3), keepdim=True), x, 0.0)


def ablate(x: Tensor, amount: float) -> Tensor:
    """Attenuates a layer's features by a fraction; 1 removes them."""
    return x * (1 - amount)


def gain(x: Tensor, amount: float) -> Tensor:
    """Amplifies a layer's features by powers of two; 1 doubles them."""
    factor: float = 2.0**amount
    return x * factor


def blur(x: Tensor, amount: float) -> Tensor:
    """Gaussian, sigma as a part of the width."""
    sigma = abs(amount) * x.shape[3]
    reach = max(1, min(math.ceil(3 * sigma), min(x.shape[2:]) - 1))
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device) / sigma) ** 2)
    taps = (taps / taps.sum()).expand(x.shape[1], 1, 1, -1)
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="reflect"), taps, groups=x.shape[1])
    return F.conv2d(F.pad(x, (0, 0, reach, reach), mode="reflect"), taps.mT, groups=x.shape[1])


def dilate(x: Tensor, amount: float) -> Tensor:
    """What is strong grows by a part of the width; below 0 it shrinks."""
    if amount < 0:
        return -dilate(-x, -amount)
    radius = min(amount * x.shape[3], min(x.shape[2:]) - 1.0)
    whole = math.floor(radius)
    return torch.lerp(_largest(x, whole), _largest(x, whole + 1), radius - whole)


def erode(x: Tensor, amount: float) -> Tensor:
    """What is strong shrinks by a part of the width."""
    return dilate(x, -amount)


def _largest(x: Tensor, radius: int) -> Tensor:
    return F.max_pool2d(x, 2 * radius + 1, 1, radius) if radius else x


OPS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "translate-x": translate_x, "translate-y": translate_y, "rotate": rotate, "scale": scale, "flip-x": flip_x,
    "flip-y": flip_y, "invert": invert, "threshold": threshold, "ablate": ablate, "gain": gain, "blur": blur,
    "erode": erode, "dilate": dilate,
}  # fmt: skip
