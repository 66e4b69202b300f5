"""CartoonGAN (Chen, Lai and Liu, CVPR 2018) as its PyTorch port saved it: Hayao, Hosoda, Paprika, Shinkai.

A .pth, or a folder with a .npy for each tensor: 'conv01_1.weight', 'in01_1.scale'. Trained blue first, in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import SettingsError, unknown
from latentart.translators.base import Translator
from latentart.translators.layers import InstanceNorm
from latentart.translators.tensor_names import fill, numbered, renamed
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import shape

FAMILY = "cartoongan"
KIND = "cartoon"
LOOKS_FOR = "conv01_1.weight, in01_1.scale and deconv03_1.weight"
LICENCE = "the port is MIT, the authors gave the weights for research: ask them before selling pictures"
EPSILON = 1e-9
PADDINGS = ("zero", "reflect")


class CartoonGan(Translator):
    """width: channels at full size, 64; blocks: residual ones at quarter size, 8.

    padding: what stands around the convolutions that are no residual ones: "zero" in the PyTorch port, "reflect" in
    the Keras one.
    """

    licence = LICENCE
    multiple, smallest, tiles = 4, 16, True

    def __init__(self, width: int = 64, blocks: int = 8, padding: str = "zero") -> None:
        super().__init__()
        self.start, self.norm_start = conv(3, width, 7, "reflect"), norm(width)
        down = [conv(width * i, width * 2 * i, 3, padding, stride=2) for i in (1, 2)]
        up = [torch.nn.ConvTranspose2d(width * 2 * i, width * i, 3, 2, 1, 1) for i in (2, 1)]
        self.down = torch.nn.ModuleList(Step(layer, padding) for layer in down)
        self.blocks = torch.nn.ModuleList(Block(width * 4) for _ in range(blocks))
        self.up = torch.nn.ModuleList(Step(layer, padding) for layer in up)
        self.end = conv(width, 3, 7, "reflect")

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], H and W multiples of 4 -> the same."""
        x = F.relu(self.norm_start(self.start(img.flip(1))))
        for layer in (*self.down, *self.blocks, *self.up):
            x = layer(x)
        return torch.tanh(self.end(x)).flip(1)


def conv(inputs: int, outputs: int, size: int, padding: str, *, stride: int = 1) -> torch.nn.Conv2d:
    """A convolution that keeps the size (or halves it), with zeros or the reflected picture around it."""
    mode: Literal["zeros", "reflect"] = "zeros" if padding == "zero" else "reflect"
    return torch.nn.Conv2d(inputs, outputs, size, stride, size // 2, padding_mode=mode)


def norm(width: int) -> InstanceNorm:
    """Returns instance normalisation with the epsilon of the original."""
    return InstanceNorm(width, eps=EPSILON)


class Step(torch.nn.Module):
    """A change of size, a convolution, a normalisation."""

    def __init__(self, resize: torch.nn.Conv2d | torch.nn.ConvTranspose2d, padding: str) -> None:
        super().__init__()
        width = resize.out_channels
        self.resize, self.norm = resize, norm(width)
        self.conv = conv(width, width, 3, padding)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C', H', W']."""
        return F.relu(self.norm(self.conv(self.resize(x))))


class Block(torch.nn.Module):
    """Two normalised convolutions beside a shortcut, nothing after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(width, width, 3, "reflect"), conv(width, width, 3, "reflect")
        self.norm1, self.norm2 = norm(width), norm(width)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]."""
        made: Tensor = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return x + made


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether its first and last layers are there."""
    return {"conv01_1.weight", "in01_1.scale", "deconv03_1.weight"} <= set(tensors)


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Tensors in our names; the padding follows from the container. Raises WeightsError naming keys."""
    blocks = len([n for n in numbered(tensors, r"conv(\d\d)_1\.weight") if n > 3])
    places = _places(blocks)
    table = {f"{theirs}.{part}": f"{ours}.{part}" for theirs, ours in places.items() for part in ("weight", "bias")}
    for theirs, ours in _norms(blocks).items():
        table |= {f"{theirs}.scale": f"{ours}.weight", f"{theirs}.shift": f"{ours}.bias"}
    made = renamed(tensors, table, what=FAMILY)
    padding = "reflect" if origin.path.is_dir() else "zero"
    words = f"padding {padding!r}: as the port that saves such {'folders' if origin.path.is_dir() else 'files'}"
    return Parts(made, {"padding": padding}, (f"{blocks} blocks", words, "blue first"))


def build(checkpoint: Checkpoint, padding: str | None = None) -> Translator:
    """The network. padding: "zero" or "reflect"; None as the file's kind tells. Raises WeightsError, SettingsError."""
    chosen = padding or checkpoint.config.get("padding", "zero")
    if chosen not in PADDINGS:
        raise SettingsError(unknown("padding", chosen, PADDINGS))
    width = shape(checkpoint.tensors, "start.weight", 4, FAMILY)[0]
    with torch.device("meta"):
        T = CartoonGan(width, len(numbered(checkpoint.tensors, r"blocks\.(\d{1,2})\.")), chosen)
    fill(T, checkpoint.tensors, what=FAMILY)
    return T


def _places(blocks: int) -> dict[str, str]:
    """Their convolutions -> ours."""
    found = {"conv01_1": "start", "deconv03_1": "end"}
    for i in range(2):
        found |= {f"conv0{i + 2}_1": f"down.{i}.resize", f"conv0{i + 2}_2": f"down.{i}.conv"}
        found |= {f"deconv0{i + 1}_1": f"up.{i}.resize", f"deconv0{i + 1}_2": f"up.{i}.conv"}
    return found | {f"conv{i + 4:02d}_{k}": f"blocks.{i}.conv{k}" for i in range(blocks) for k in (1, 2)}


def _norms(blocks: int) -> dict[str, str]:
    """Their normalisations -> ours."""
    found = {"in01_1": "norm_start", "in02_1": "down.0.norm", "in03_1": "down.1.norm"}
    found |= {f"in{i + 4:02d}_{k}": f"blocks.{i}.norm{k}" for i in range(blocks) for k in (1, 2)}
    return found | {f"in{blocks + 4:02d}_1": "up.0.norm", f"in{blocks + 5:02d}_1": "up.1.norm"}
