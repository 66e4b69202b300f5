"""EfficientNet-Lite0, whose features at four scales the projected critic looks at.

Tan and Le 2019 (arXiv:1905.11946); the Lite variant of Google's TPU models has ReLU6 and no squeeze-and-excitation.
`latentart weights pull efficientnet-lite0` fetches its weights, trained on ImageNet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from latentart.errors import SettingsError, WeightsError, unknown
from latentart.features.load import pulled_file
from latentart.features.trunk import rgb

NAME = "efficientnet-lite0"
STAGES = (
    # blocks, kernel, stride of the first, expansion, channels
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)  # fmt: skip
STEM = 32
TAPS = {"block2": 24, "block4": 40, "block10": 112, "block15": 320}
"""Blocks after which features are read, and their channels: a 4th, 8th, 16th and 32nd of the picture's size."""
SCALE, SHIFT = 127.5 / 128, 0.5 / 128
"""[-1, 1] -> (level - 127) / 128, with which Google trained it. The package's page copies other figures from another
network (ImageNet's means and deviations), with which it recognises pictures less surely."""


@dataclass(frozen=True)
class Layer:
    """A convolution with its batch normalisation folded in."""

    name: str
    inputs: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    depthwise: bool = False
    relu: bool = True

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the weights."""
        return self.outputs, 1 if self.depthwise else self.inputs, self.kernel, self.kernel


def blocks() -> list[tuple[Layer, ...]]:
    """The layers of each block: expansion, depthwise convolution, projection."""
    found: list[tuple[Layer, ...]] = []
    inputs = STEM
    for count, kernel, stride, expansion, outputs in STAGES:
        for i in range(count):
            name, wide = f"block{len(found)}", inputs * expansion
            first = (Layer(f"{name}.expand", inputs, wide),) if expansion > 1 else ()
            depth = Layer(f"{name}.depthwise", wide, wide, kernel, 1 if i else stride, depthwise=True)
            found.append((*first, depth, Layer(f"{name}.project", wide, outputs, relu=False)))
            inputs = outputs
    return found


def layers() -> list[Layer]:
    """All convolutions up to the last block; the classifier is left out."""
    return [Layer("stem", 3, STEM, 3, 2), *(layer for block in blocks() for layer in block)]


class EfficientNetLite0(torch.nn.Module):
    """The frozen network. state: '<layer>.weight' and '<layer>.bias' of `layers`. Raises WeightsError."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.blocks = blocks()
        for layer in layers():
            for part, shape in (("weight", layer.shape), ("bias", (layer.outputs,))):
                tensor = state.get(f"{layer.name}.{part}")
                if tensor is None or tensor.shape != shape:
                    found = "missing" if tensor is None else f"of shape {list(tensor.shape)}"
                    raise WeightsError(f"{NAME}: {layer.name}.{part} is {found}, expected {list(shape)}")
                self.register_buffer(f"{layer.name}_{part}".replace(".", "_"), tensor.float(), persistent=False)

    def forward(self, img: Tensor, taps: Sequence[str] = tuple(TAPS)) -> list[Tensor]:
        """img [N, 1, 3 or 4, H, W] in [-1, 1] -> features [N, C, h, w] after the blocks `taps`, in their order."""
        if wrong := [tap for tap in taps if tap not in (f"block{i}" for i in range(len(self.blocks)))]:
            raise SettingsError(unknown("layer", wrong[0], [f"block{i}" for i in range(len(self.blocks))]))
        x = (rgb(img) * SCALE + SHIFT).contiguous(memory_format=torch.channels_last)
        x = self._convolved(x, Layer("stem", 3, STEM, 3, 2))
        found: dict[str, Tensor] = {}
        for i, block in enumerate(self.blocks):
            made = x
            for layer in block:
                made = self._convolved(made, layer)
            x = made + x if made.shape == x.shape else made
            if f"block{i}" in taps:
                found[f"block{i}"] = x
            if len(found) == len(set(taps)):
                break
        return [found[tap] for tap in taps]

    def _convolved(self, x: Tensor, layer: Layer) -> Tensor:
        weight, bias = (getattr(self, f"{layer.name}_{part}".replace(".", "_")) for part in ("weight", "bias"))
        groups = layer.inputs if layer.depthwise else 1
        if layer.stride == 1:
            x = F.conv2d(x, weight, bias, padding=layer.kernel // 2, groups=groups)
        else:
            x = F.conv2d(F.pad(x, _same(x, layer)), weight, bias, stride=layer.stride, groups=groups)
        return F.relu6(x) if layer.relu else x


def _same(x: Tensor, layer: Layer) -> list[int]:
    """TensorFlow's SAME padding as (left, right, top, bottom): what is odd goes right and down."""
    padding = []
    for side in (x.shape[3], x.shape[2]):
        last = (side - 1) // layer.stride * layer.stride
        total = max(last + layer.kernel - side, 0)
        padding += [total // 2, total - total // 2]
    return padding


def efficientnet(device: str | torch.device = "cpu") -> EfficientNetLite0:
    """The pulled network. Raises SettingsError when it has not been pulled yet, WeightsError when it is damaged."""
    path = pulled_file(NAME)
    if not path.exists():
        raise SettingsError(f"the network {NAME!r} has not been fetched: run 'latentart weights pull {NAME}' once")
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{str(path)!r} is damaged ({error}): run 'latentart weights pull {NAME}' again") from error
    return EfficientNetLite0(state).to(device)
