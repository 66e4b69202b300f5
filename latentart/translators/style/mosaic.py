"""Many styles in one network: conditional instance normalisation (Dumoulin et al. 2017, arXiv:1610.07629).

The convolutions are shared; a style is a factor and an offset for every channel. A row of `style_dim` shares mixes
them, so a mixture of styles is a style too, and the row is a latent to walk in. There is no row that leaves the
picture as it came: strength blends the result over it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import SettingsError, WeightsError
from latentart.translators import tensor_names
from latentart.translators.base import Translator
from latentart.translators.layers import InstanceNorm, normalized
from latentart.weights.checkpoint import Checkpoint, Origin, Parts

FAMILY = "mosaic"
KIND = "style"
LOOKS_FOR = "contract.0.w, contract.0.norm.gamma"
HALVINGS = (1, 2, 2)
"""Strides of the convolutions before the residual blocks; as many after them double again, the last does not."""


class StyledNorm(InstanceNorm):
    """Instance normalisation whose factor and offset are mixed from those of the styles."""

    def __init__(self, styles: int, channels: int) -> None:
        super().__init__(channels, affine=False)
        self.gamma = torch.nn.Parameter(torch.ones(styles, channels))
        self.beta = torch.nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:  # type: ignore[override]
        """x [N, C, H, W], style [styles] or [N, styles] -> [N, C, H, W]."""
        gamma, beta = style @ self.gamma, style @ self.beta
        if style.ndim == 1:
            return normalized(x, self.mean, self.var, gamma, beta, eps=self.eps)
        plain = normalized(x, self.mean, self.var, None, None, eps=self.eps)
        return torch.addcmul(beta[:, :, None, None], plain, gamma[:, :, None, None])


class StyledConv(torch.nn.Module):
    """Convolution over a reflected border, then the style."""

    def __init__(self, styles: int, inputs: int, outputs: int, kernel: int, *, stride: int = 1, up: bool = False):
        super().__init__()
        self.up = up
        self.conv = torch.nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False, padding_mode="reflect")
        self.norm = StyledNorm(styles, outputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x [N, C, H, W] -> [N, outputs, H, W], halved by the stride or doubled first."""
        x = F.interpolate(x, scale_factor=2.0, mode="nearest") if self.up else x
        out: Tensor = self.norm(self.conv(x), style)
        return out


class Residual(torch.nn.Module):
    """Two convolutions whose result is added; nothing is cut off after the sum."""

    def __init__(self, styles: int, width: int, kernel: int) -> None:
        super().__init__()
        self.first = StyledConv(styles, width, width, kernel)
        self.second = StyledConv(styles, width, width, kernel)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, C, H, W]."""
        added: Tensor = self.second(F.relu(self.first(x, style)), style)
        return x + added


class Mosaic(Translator):
    """One network of many styles. Its style is a row of shares, [style_dim], that sums to 1."""

    multiple, smallest, tiles = 4, 8, True

    def __init__(self, shapes: Mapping[str, torch.Size]) -> None:
        super().__init__()
        self.style_dim = styles = shapes["contract.0.norm.gamma"][0]
        self.style_names = tuple(map(str, range(styles)))
        ends = len(HALVINGS)
        self.contract = torch.nn.ModuleList(
            StyledConv(styles, *_sizes(shapes[f"contract.{i}.conv.weight"]), stride=HALVINGS[i]) for i in range(ends)
        )
        blocks = tensor_names.numbered(shapes, r"res\.(\d+)\.first\.conv\.weight")
        self.res = torch.nn.ModuleList(
            Residual(styles, *_sizes(shapes[f"res.{i}.first.conv.weight"])[1:]) for i in blocks
        )
        self.expand = torch.nn.ModuleList(
            StyledConv(styles, *_sizes(shapes[f"expand.{i}.conv.weight"]), up=HALVINGS[-1 - i] == 2)
            for i in range(ends)
        )

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], sides multiples of 4 -> the same size; style [style_dim] or one for each."""
        row = self._row(self.style if style is None else style).to(img)
        x = (img + 1) / 2
        for layer in self.contract:
            x = F.relu(layer(x, row))
        for block in self.res:
            x = block(x, row)
        for layer in self.expand[:-1]:
            x = F.relu(layer(x, row))
        return torch.sigmoid(self.expand[-1](x, row)) * 2 - 1

    def _row(self, style: Tensor | None) -> Tensor:
        if style is None or style.shape[-1] != self.style_dim or style.ndim > 2:
            got = None if style is None else list(style.shape)
            raise SettingsError(f"{self.name} wants a style of {self.style_dim} shares, not {got!r}")
        return style


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of the 26-style network, as found in its ONNX file."""
    return "contract.0.w" in tensors and "contract.0.norm.gamma" in tensors


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Our names. Raises WeightsError naming tensors that are missing or left over."""
    blocks = len(tensor_names.numbered(tensors, r"res\.(\d+)\."))
    table: dict[str, str] = {}
    for side in ("contract", "expand"):
        for i in range(len(HALVINGS)):
            table |= _layer(f"{side}.{i}", f"{side}.{i}")
    for i in range(blocks):
        table |= _layer(f"res.{i}.0", f"res.{i}.first") | _layer(f"res.{i}.1", f"res.{i}.second")
    found = tensor_names.renamed(tensors, table, what=FAMILY)
    return Parts(found, {"style": 0}, (f"{blocks} residual blocks",))


def build(checkpoint: Checkpoint) -> Mosaic:
    """The network of tensors in our names; 'style' in the config is the number of the one played first."""
    tensor_names.widths(checkpoint.tensors, [n for n in checkpoint.tensors if n.endswith("conv.weight")], what=FAMILY)
    try:
        with torch.device("meta"):
            T = Mosaic({name: tensor.shape for name, tensor in checkpoint.tensors.items()})
    except (KeyError, IndexError, ValueError) as error:
        raise WeightsError(f"not a whole {FAMILY}: {error!r} while reading its shape") from error
    tensor_names.fill(T, checkpoint.tensors, what=FAMILY)
    first = checkpoint.config.get("style", 0)
    if not isinstance(first, int) or not 0 <= first < T.style_dim:
        raise WeightsError(f"the first style {first!r} is not one of the {T.style_dim} styles")
    T.style = F.one_hot(torch.tensor(first), T.style_dim).float()
    return T


def _layer(theirs: str, ours: str) -> dict[str, str]:
    names = {f"{theirs}.w": f"{ours}.conv.weight"}
    return names | {f"{theirs}.norm.{part}": f"{ours}.norm.{part}" for part in ("gamma", "beta")}


def _sizes(weight: torch.Size) -> tuple[int, int, int]:
    """Inputs, outputs and kernel of a convolution's weight [outputs, inputs, kernel, kernel]."""
    return weight[1], weight[0], weight[2]
