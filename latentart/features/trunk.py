"""VGG16 and AlexNet as chains of convolutions whose activations are read by name.

Simonyan and Zisserman 2015 (arXiv:1409.1556), configuration D; Krizhevsky 2014 (arXiv:1404.5997). Only the
convolutions: perceptual losses need no classifier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import PictureError, SettingsError, WeightsError, unknown


@dataclass(frozen=True)
class Conv:
    """A convolution and its ReLU, called `name`."""

    name: str
    inputs: int
    outputs: int
    size: int = 3
    stride: int = 1


@dataclass(frozen=True)
class Pool:
    """A pooling of `size` pixels with stride 2."""

    size: int


Plan = tuple[Conv | Pool, ...]

VGG16: Plan = (
    Conv("relu1_1", 3, 64), Conv("relu1_2", 64, 64), Pool(2),
    Conv("relu2_1", 64, 128), Conv("relu2_2", 128, 128), Pool(2),
    Conv("relu3_1", 128, 256), Conv("relu3_2", 256, 256), Conv("relu3_3", 256, 256), Pool(2),
    Conv("relu4_1", 256, 512), Conv("relu4_2", 512, 512), Conv("relu4_3", 512, 512), Pool(2),
    Conv("relu5_1", 512, 512), Conv("relu5_2", 512, 512), Conv("relu5_3", 512, 512),
)  # fmt: skip
ALEXNET: Plan = (
    Conv("relu1", 3, 64, size=11, stride=4), Pool(3), Conv("relu2", 64, 192, size=5), Pool(3),
    Conv("relu3", 192, 384), Conv("relu4", 384, 256), Conv("relu5", 256, 256),
)  # fmt: skip

# Mean and deviation of ImageNet's colours, for pictures in [-1, 1].
MEAN = (-0.030, -0.088, -0.188)
DEVIATION = (0.458, 0.448, 0.450)


def until(plan: Plan, last: str) -> Plan:
    """The part of a plan that ends with the layer `last`. Raises SettingsError for an unknown layer."""
    names = layer_names(plan)
    if last not in names:
        raise SettingsError(unknown("layer", last, names))
    end = next(i for i, step in enumerate(plan) if isinstance(step, Conv) and step.name == last)
    return plan[: end + 1]


def layer_names(plan: Plan) -> list[str]:
    """The names of a plan's convolutions, in order."""
    return [step.name for step in plan if isinstance(step, Conv)]


class Trunk(torch.nn.Module):
    """A frozen chain of convolutions: picture -> activations by name.

    state: '<layer>.weight' [outputs, inputs, size, size] and '<layer>.bias' [outputs], float. `average_pool`
    replaces maximum by average pooling, which gives smoother pictures in style transfer (Gatys et al. 2016).
    Raises WeightsError when a tensor is missing or has another shape.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, plan: Plan, state: Mapping[str, Tensor], *, average_pool: bool = False) -> None:
        super().__init__()
        self.plan = plan
        self.pool = F.avg_pool2d if average_pool else F.max_pool2d
        self.convs = torch.nn.ModuleDict({s.name: _conv(s, state) for s in plan if isinstance(s, Conv)})
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None])
        # Channels last is about 1.3 times faster on processors, and never slower.
        self.requires_grad_(False).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def names(self) -> list[str]:
        """The layers that can be read."""
        return layer_names(self.plan)

    def forward(self, img: Tensor, taps: Sequence[str]) -> list[Tensor]:
        """img [N, 1, 3 or 4, H, W] in [-1, 1] -> activations [N, C, h, w] of the layers `taps`, in that order.

        Nothing after the last tap is computed. Raises SettingsError for an unknown layer, PictureError for a
        picture that is too small for the layers asked for.
        """
        if wrong := [tap for tap in taps if tap not in self.convs]:
            raise SettingsError(unknown("layer", wrong[0], self.names))
        x = (rgb(img) - self.mean) / self.deviation
        x = x.contiguous(memory_format=torch.channels_last)
        found: dict[str, Tensor] = {}
        for step in self.plan:
            if isinstance(step, Pool):
                x = self._pooled(x, step.size, img)
                continue
            x = F.relu(self.convs[step.name](x))
            if step.name in taps:
                found[step.name] = x
            if len(found) == len(set(taps)):
                break
        return [found[tap] for tap in taps]

    def _pooled(self, x: Tensor, size: int, img: Tensor) -> Tensor:
        if min(x.shape[2:]) < size:
            raise PictureError(f"a picture of {img.shape[3]}x{img.shape[2]} is too small for this network: enlarge it")
        return self.pool(x, size, 2)


def _conv(step: Conv, state: Mapping[str, Tensor]) -> torch.nn.Conv2d:
    conv = torch.nn.Conv2d(step.inputs, step.outputs, step.size, step.stride, padding=_padding(step), device="meta")
    for part in ("weight", "bias"):
        tensor, wanted = state.get(f"{step.name}.{part}"), getattr(conv, part).shape
        if tensor is None or tensor.shape != wanted:
            found = "missing" if tensor is None else f"of shape {list(tensor.shape)}"
            raise WeightsError(f"feature network: {step.name}.{part} is {found}, expected {list(wanted)}")
        setattr(conv, part, torch.nn.Parameter(tensor.float(), requires_grad=False))
    return conv


def _padding(step: Conv) -> int:
    # AlexNet's first layer pads by 2 although its kernel is 11 wide.
    return 2 if step.size == 11 else step.size // 2


def rgb(img: Tensor) -> Tensor:
    """img [N, 1, 3 or 4, H, W] in [-1, 1] -> [N, 3, H, W]: grey is repeated, RGBA is laid over middle grey.

    Raises PictureError for another number of channels.
    """
    channels = img.shape[1]
    if channels == 3:
        return img
    if channels == 1:
        return img.expand(-1, 3, -1, -1)
    if channels == 4:
        return img[:, :3] * ((img[:, 3:] + 1) / 2)
    raise PictureError(f"a picture of {channels} channels: feature networks read grey, RGB and RGBA")
