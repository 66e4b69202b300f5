"""Residual-in-residual dense networks that make pictures larger: ESRGAN (Wang et al. 2018, arXiv:1809.00219) and
Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833), in the three ways their files name the same tensors.

What comes out is larger than what goes in, so it is no `Translator`: `upscaling` plays it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import WeightsError
from latentart.translators import configs, tensor_names
from latentart.weights.checkpoint import Checkpoint, Origin, Parts

FAMILY, KIND = "esrgan", "upscale"
LOOKS_FOR = "model.1.sub.0.RDB1.conv1.0.weight, RRDB_trunk.0.RDB1.conv1.weight or body.0.rdb1.conv1.weight"
DENSE, CONVOLUTIONS = 3, 5
"""Dense blocks in each residual block, convolutions in each of them."""
RESIDUE, SLOPE = 0.2, 0.2
MOST_BLOCKS, MOST_DOUBLINGS = 64, 4
SQUEEZED = {3: 1, 12: 2, 48: 4}
"""Channels of the first convolution -> side of the squares of pixels that are put into channels."""


CHECKS: configs.Checks = {
    "blocks": lambda v: configs.is_few(v) and v > 0,
    "width": configs.is_count,
    "growth": configs.is_count,
    "doublings": lambda v: type(v) is int and 0 <= v <= MOST_DOUBLINGS,
    "squeeze": lambda v: type(v) is int and v in SQUEEZED.values(),
}


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a network."""

    blocks: int
    width: int
    growth: int
    doublings: int
    """Times the maps are doubled at the end."""
    squeeze: int
    """Side of the squares of pixels that become channels at the beginning."""


class Dense(torch.nn.Module):
    """Five convolutions, each seeing all before it; a fifth of what they find is added to what came in."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for number in range(1, CONVOLUTIONS + 1):
            outputs = growth if number < CONVOLUTIONS else width
            setattr(self, f"conv{number}", torch.nn.Conv2d(width + (number - 1) * growth, outputs, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[N, width, H, W] -> the same."""
        seen = x
        for number in range(1, CONVOLUTIONS):
            seen = torch.cat([seen, _leaky(getattr(self, f"conv{number}")(seen))], dim=1)
        found: Tensor = getattr(self, f"conv{CONVOLUTIONS}")(seen)
        return x + found * RESIDUE


class Block(torch.nn.Module):
    """Three dense blocks; a fifth of what they find is added to what came in."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.dense = torch.nn.Sequential(*(Dense(width, growth) for _ in range(DENSE)))

    def forward(self, x: Tensor) -> Tensor:
        """[N, width, H, W] -> the same."""
        found: Tensor = self.dense(x)
        return x + found * RESIDUE


class Upscaler(torch.nn.Module):
    """A picture in, a picture `scale` times as large out; pictures are RGB levels 0 .. 1 inside."""

    family, name, sha256, licence = FAMILY, "unnamed", "", ""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.scale = config, 2**config.doublings // config.squeeze
        width = config.width
        self.first = torch.nn.Conv2d(3 * config.squeeze**2, width, 3, 1, 1)
        self.body = torch.nn.Sequential(*(Block(width, config.growth) for _ in range(config.blocks)))
        self.after = torch.nn.Conv2d(width, width, 3, 1, 1)
        self.up = torch.nn.ModuleList(torch.nn.Conv2d(width, width, 3, 1, 1) for _ in range(config.doublings))
        self.fine = torch.nn.Conv2d(width, width, 3, 1, 1)
        self.last = torch.nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, img: Tensor) -> Tensor:
        """img [N, 3, H, W] in [-1, 1], sides multiples of `config.squeeze` -> [N, 3, scale * H, scale * W]."""
        x = (img + 1) / 2
        if self.config.squeeze > 1:
            x = F.pixel_unshuffle(x, self.config.squeeze)
        x = self.first(x)
        x = x + self.after(self.body(x))
        for conv in self.up:
            x = _leaky(conv(F.interpolate(x, scale_factor=2, mode="nearest")))
        made: Tensor = self.last(_leaky(self.fine(x)))
        return made * 2 - 1


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


@dataclass(frozen=True)
class Layout:
    """How a kind of file names the tensors: its parts, dense blocks `{0}.{1}` and the ends after the doublings."""

    first: str
    dense: str
    """With {block} from 0, {dense} and {conv} from 1."""
    after: str
    ups: tuple[str, ...]
    fine: str
    last: str

    def names(self, config: Config) -> Iterator[tuple[str, str]]:
        """(name in the file, our name) of every convolution."""
        yield from ((self.first, "first"), (self.after, "after"), (self.fine, "fine"), (self.last, "last"))
        yield from ((name, f"up.{n}") for n, name in enumerate(self.ups))
        for block in range(config.blocks):
            for dense in range(1, DENSE + 1):
                for conv in range(1, CONVOLUTIONS + 1):
                    theirs = self.dense.format(block=block, dense=dense, conv=conv)
                    yield theirs, f"body.{block}.dense.{dense - 1}.conv{conv}"


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of one of the three layouts."""
    return any(name.strip(" ,") in tensors for name in re.split(" or |, ", LOOKS_FOR))


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """Tensors in our names and the shape they tell. Raises WeightsError."""
    layout = _layout(tensors)
    config = _config(tensors, layout)
    switches = (f"{config.blocks} blocks", f"{2**config.doublings // config.squeeze} times as large")
    table = {f"{theirs}.{kind}": f"{ours}.{kind}" for theirs, ours in layout.names(config)
             for kind in ("weight", "bias")}  # fmt: skip
    return Parts(
        tensor_names.renamed(tensors, table, what="ESRGAN network", switches=switches), asdict(config), switches
    )


def build(checkpoint: Checkpoint) -> Upscaler:
    """The network of a checkpoint. Raises WeightsError."""
    config = configs.read(Config, checkpoint.config, CHECKS, "ESRGAN network")
    with torch.device("meta"):
        network = Upscaler(config)
    tensor_names.fill(network, checkpoint.tensors, what="ESRGAN network")
    return network


def _layout(tensors: Mapping[str, Tensor]) -> Layout:
    if "model.1.sub.0.RDB1.conv1.0.weight" in tensors:
        return _sequential(tensors)
    if "RRDB_trunk.0.RDB1.conv1.weight" in tensors:
        ups = tuple(name for name in _doublings(tensors, "upconv"))
        return Layout(
            "conv_first", "RRDB_trunk.{block}.RDB{dense}.conv{conv}", "trunk_conv", ups, "HRconv", "conv_last"
        )
    ups = tuple(name for name in _doublings(tensors, "conv_up"))
    return Layout("conv_first", "body.{block}.rdb{dense}.conv{conv}", "conv_body", ups, "conv_hr", "conv_last")


def _doublings(tensors: Mapping[str, Tensor], stem: str) -> Iterator[str]:
    return (f"{stem}{number}" for number in tensor_names.numbered(tensors, stem + r"(\d{1,2})\.weight"))


def _sequential(tensors: Mapping[str, Tensor]) -> Layout:
    """The oldest files number their layers: 0, the blocks 1, each doubling three on (it is followed by a bend), then
    two convolutions with a bend between them."""
    tail = tensor_names.numbered(tensors, r"model\.(\d{1,2})\.weight")[1:]
    if len(tail) < 2:
        raise WeightsError("not a whole ESRGAN network: the last convolutions, model.8 and model.10, are missing")
    *ups, fine, last = (f"model.{number}" for number in tail)
    inner = tensor_names.numbered(tensors, r"model\.1\.sub\.(\d{1,3})\.weight")
    after = f"model.1.sub.{max(inner, default=0)}"
    return Layout("model.0", "model.1.sub.{block}.RDB{dense}.conv{conv}.0", after, tuple(ups), fine, last)


def _config(tensors: Mapping[str, Tensor], layout: Layout) -> Config:
    first, dense = f"{layout.first}.weight", layout.dense.format(block=0, dense=1, conv=1) + ".weight"
    width, growth = tensor_names.widths(tensors, [first, dense], what="ESRGAN network")
    inputs = tensors[first].shape[1]
    if inputs not in SQUEEZED:
        raise WeightsError(f"{first} takes {inputs} channels: an ESRGAN network takes 3, or 12 or 48 in squares")
    stem = re.escape(layout.dense.split("{")[0]) + r"(\d{1,3})\.[Rr][Dd][Bb]"
    blocks = len(tensor_names.numbered(tensors, stem))
    if not 1 <= blocks <= MOST_BLOCKS or len(layout.ups) > MOST_DOUBLINGS:
        raise WeightsError(f"{blocks} blocks and {len(layout.ups)} doublings: no ESRGAN network is like that")
    return Config(blocks, width, growth, len(layout.ups), SQUEEZED[inputs])
