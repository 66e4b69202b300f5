"""White-box Cartoonization (Wang and Yu, CVPR 2020): a small U-Net whose result is filtered along the picture's edges.

Its files hold TensorFlow's variables (.npz of them, or a tfjs folder): 'generator/Conv_3/weights'.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.translators.base import Translator
from latentart.translators.cartoon.guided_filter import guided_filter
from latentart.translators.tensor_names import fill, numbered, renamed
from latentart.translators.tensorflow_layers import SameConv, converted, doubled, variables
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import shape

FAMILY = "whitebox"
KIND = "cartoon"
LOOKS_FOR = "generator/Conv/weights and generator/block_0/conv1/weights"
LICENCE = "CC BY-NC-SA 4.0, Wang and Yu: no commercial use"
CONVS = ("start", "down1", "wide1", "down2", "wide2", "narrow2", "up1", "narrow1", "up0", "end")
"""Our names of Conv, Conv_1 ... Conv_9."""
SLOPE, RADIUS, EDGE = 0.2, 1, 5e-3


class WhiteBox(Translator):
    """widths: channels at full, half and quarter size; blocks: residual ones at quarter size."""

    licence = LICENCE
    multiple, smallest, tiles = 8, 16, True

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 128), blocks: int = 4) -> None:
        super().__init__()
        full, half, quarter = widths
        self.start = SameConv(3, full, 7)
        self.down1, self.wide1 = SameConv(full, full, 3, 2), SameConv(full, half, 3)
        self.down2, self.wide2 = SameConv(half, half, 3, 2), SameConv(half, quarter, 3)
        self.blocks = torch.nn.ModuleList(Block(quarter) for _ in range(blocks))
        self.narrow2 = SameConv(quarter, half, 3)
        self.up1, self.narrow1 = SameConv(half, half, 3), SameConv(half, full, 3)
        self.up0, self.end = SameConv(full, full, 3), SameConv(full, 3, 7)

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], H and W multiples of 8 -> the same, filtered."""
        bgr = img.flip(1)
        return guided_filter(bgr, self.network(bgr), RADIUS, EDGE).flip(1)

    def network(self, bgr: Tensor) -> Tensor:
        """What the network alone makes, blue first as it was trained."""
        full = leaky(self.start(bgr))
        half = leaky(self.wide1(leaky(self.down1(full))))
        quarter = leaky(self.wide2(leaky(self.down2(half))))
        for block in self.blocks:
            quarter = block(quarter)
        half = leaky(self.up1(doubled(leaky(self.narrow2(quarter))) + half))
        full = leaky(self.up0(doubled(leaky(self.narrow1(half))) + full))
        made: Tensor = self.end(full)
        return made


class Block(torch.nn.Module):
    """Two convolutions beside a shortcut, nothing after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = SameConv(width, width, 3), SameConv(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]."""
        made: Tensor = self.conv2(leaky(self.conv1(x)))
        return x + made


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU with TensorFlow's slope."""
    return F.leaky_relu(x, SLOPE)


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the generator's variables are there."""
    return "generator/Conv/weights" in tensors and "generator/block_0/conv1/weights" in tensors


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Tensors in our names. Raises WeightsError naming keys."""
    blocks = len(numbered(tensors, r"generator/block_(\d{1,2})/"))
    places = {f"generator/Conv{f'_{i}' if i else ''}": name for i, name in enumerate(CONVS)}
    places |= {f"generator/block_{i}/conv{part}": f"blocks.{i}.conv{part}" for i in range(blocks) for part in (1, 2)}
    table = {theirs: ours for pair in places.items() for theirs, ours in variables(*pair).items()}
    # A checkpoint of training holds the discriminators and the optimiser's moments, too; a graph its constants.
    unused = r"(?!generator/).*|.*/(Adam|Adam_1)|(?!.*/(weights|biases)$).*"
    made = converted(renamed(tensors, table, what=FAMILY, unused=unused))
    words = (
        f"widths {', '.join(map(str, _widths(made)))}",
        f"{blocks} blocks",
        "blue first",
        "guided filter r=1 eps=5e-3",
    )
    return Parts(made, {}, words)


def build(checkpoint: Checkpoint) -> Translator:
    """The network. Raises WeightsError."""
    blocks = len(numbered(checkpoint.tensors, r"blocks\.(\d{1,2})\."))
    with torch.device("meta"):
        T = WhiteBox(_widths(checkpoint.tensors), blocks)
    fill(T, checkpoint.tensors, what=FAMILY)
    return T


def _widths(tensors: Mapping[str, Tensor]) -> tuple[int, int, int]:
    full, half, quarter = (shape(tensors, f"{n}.weight", 4, FAMILY)[0] for n in ("start", "wide1", "wide2"))
    return full, half, quarter
