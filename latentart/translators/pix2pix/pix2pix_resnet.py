"""ResNet generators of CycleGAN (Zhu et al. 2017, arXiv:1703.10593; the layers are Johnson's, arXiv:1603.08155).

Halved a few times, residual blocks there, doubled up again. pix2pixHD's global generator is the same chain, halved
more often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import WeightsError
from latentart.translators import configs, tensor_names
from latentart.translators.base import Translator
from latentart.translators.layers import Dropout, Norm, make_norm
from latentart.translators.pix2pix import options_file, switches
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import shape

FAMILY = "pix2pix-resnet"
LOOKS_FOR = "model.1.weight, model.10.conv_block.1.weight (ResNet)"
WHAT = "ResNet generator"
MOST_BLOCKS, MOST_HALVINGS = 64, 6


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a ResNet generator."""

    in_channels: int
    out_channels: int
    width: int
    """Channels at full size; they double with every halving."""
    halvings: int
    blocks: int
    norm: Norm
    bias: bool
    """Of the convolutions that a normalisation follows. The last one always has a bias."""
    dropout: bool = False
    """Whether the blocks were trained with dropout."""


class Step(torch.nn.Module):
    """A convolution and the normalisation after it."""

    def __init__(self, conv: torch.nn.Module, norm: Norm, channels: int) -> None:
        super().__init__()
        self.conv, self.norm = conv, make_norm(norm, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, channels, h, w]."""
        return self.norm(self.conv(x))  # type: ignore[no-any-return]


class Block(torch.nn.Module):
    """A residual block; nothing after the sum."""

    def __init__(self, config: Config, channels: int, number: int) -> None:
        super().__init__()
        self.first, self.second = (Step(reflected(channels, channels, 3, config), config.norm, channels) for _ in "12")
        self.dropout = Dropout(number) if config.dropout else torch.nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same shape."""
        return x + self.second(self.dropout(F.relu(self.first(x))))  # type: ignore[no-any-return]


class Trunk(torch.nn.Module):
    """The chain without its last convolution, which pix2pixHD's enhancers go on from."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        norm, widths = config.norm, [config.width << i for i in range(config.halvings + 1)]
        self.first = Step(reflected(config.in_channels, widths[0], 7, config), norm, widths[0])
        self.downs = torch.nn.ModuleList(down(a, config) for a in widths[:-1])
        self.blocks = torch.nn.ModuleList(Block(config, widths[-1], i) for i in range(config.blocks))
        self.ups = torch.nn.ModuleList(up(a, config) for a in reversed(widths[:-1]))

    def forward(self, x: Tensor) -> Tensor:
        """[N, in_channels, H, W] -> [N, width, H, W]."""
        x = F.relu(self.first(x))
        for step in self.downs:
            x = F.relu(step(x))
        for block in self.blocks:
            x = block(x)
        for step in self.ups:
            x = F.relu(step(x))
        return x


class ResNet(Translator):
    """A ResNet generator as a translator; see `Config`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.in_channels = config.in_channels
        self.multiple = 2**config.halvings
        # The reflected border of the blocks needs two pixels there.
        self.smallest = 2 * self.multiple
        self.tiles = True
        self.trunk = Trunk(config)
        self.last = torch.nn.Conv2d(config.width, config.out_channels, 7, padding=3, padding_mode="reflect")

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """[N, in_channels, H, W] -> [N, out_channels, H, W], tanh."""
        return torch.tanh(self.last(self.trunk(img)))


def reflected(inputs: int, outputs: int, size: int, config: Config) -> torch.nn.Conv2d:
    """A convolution over a reflected border that keeps the size."""
    return torch.nn.Conv2d(inputs, outputs, size, padding=size // 2, padding_mode="reflect", bias=config.bias)


def down(width: int, config: Config) -> Step:
    """Halves the size and doubles the channels."""
    return Step(torch.nn.Conv2d(width, 2 * width, 3, 2, 1, bias=config.bias), config.norm, 2 * width)


def up(width: int, config: Config) -> Step:
    """Doubles the size and halves the channels."""
    conv = torch.nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1, bias=config.bias)
    return Step(conv, config.norm, width)


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether it is a flat chain with residual blocks, halved less often than pix2pixHD's."""
    return is_chain(tensors) and len(chain_numbers(tensors)[0]) <= 2


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """See `load.Family`; reads train_opt.txt or test_opt.txt beside the file. Raises WeightsError."""
    source, options = options_file.beside(origin.path)
    config = config_of(tensors)
    words = in_words(config)
    facts = {"input_nc": config.in_channels, "output_nc": config.out_channels, "ngf": config.width}
    words += options_file.differences(options, source, facts, norm=config.norm, net="resnet")
    words += options_file.direction(options, source)
    made = tensor_names.renamed(tensors, table(config), what=WHAT, switches=words, unused=switches.unused(config.norm))
    return Parts(made, configs.stated(config), tuple(words))


def build(checkpoint: Checkpoint, *, dropout: bool = False, norm: str = "image", seed: int | None = None) -> ResNet:
    """The translator. dropout: off; on needs a seed. norm: statistics of the 'image', or those 'stored'."""
    config = configs.read(Config, checkpoint.config, CHECKS, WHAT)
    with torch.device("meta"):
        T = ResNet(config)
    tensor_names.fill(T, checkpoint.tensors, what=WHAT, switches=checkpoint.inferred)
    return switches.played(T, checkpoint, in_words(config), dropout=dropout, norm=norm, seed=seed)


def is_chain(tensors: Mapping[str, Tensor]) -> bool:
    """Whether it is a flat 'model.1', 'model.4' ... with residual blocks between, and nothing beside."""
    return "model.1.weight" in tensors and "model1_1.1.weight" not in tensors and bool(chain_numbers(tensors)[1])


def chain_numbers(tensors: Mapping[str, Tensor]) -> tuple[list[int], list[int]]:
    """Numbers of the halving convolutions and of the blocks in 'model.<number>'."""
    blocks = tensor_names.numbered(tensors, r"model\.(\d{1,3})\.conv_block\.")
    plain = tensor_names.numbered((n for n, t in tensors.items() if t.ndim == 4), r"model\.(\d{1,3})\.weight$")
    return [i for i in plain if 1 < i < min(blocks, default=0)], blocks


def config_of(tensors: Mapping[str, Tensor], last: str = "") -> Config:
    """The config that names and shapes say; last: the last convolution, by default that of the chain.

    Raises WeightsError.
    """
    halvings, blocks = chain_numbers(tensors)
    if not halvings or len(halvings) > MOST_HALVINGS or len(blocks) > MOST_BLOCKS:
        raise WeightsError(f"{len(halvings)} halvings and {len(blocks)} residual blocks: no {WHAT} has those")
    width, inputs, *_ = shape(tensors, "model.1.weight", 4, WHAT)
    last = last or f"model.{_numbers(len(halvings), len(blocks))[-1]}"
    outputs = shape(tensors, f"{last}.weight", 4, WHAT)[0]
    bias = any(f"model.{i}.bias" in tensors for i in (1, *halvings))
    norm = switches.norm_of(tensors, "model.2", bias)
    dropout = any(name.endswith(".conv_block.6.weight") and t.ndim == 4 for name, t in tensors.items())
    return Config(inputs, outputs, width, len(halvings), len(blocks), norm, bias, dropout)


def in_words(config: Config) -> list[str]:
    """The config that the tensors determine."""
    return [f"ResNet of {config.blocks} blocks, {config.width} wide, {config.halvings} halvings", f"{config.norm} norm"]


def table(config: Config, *, whole: bool = True) -> dict[str, str]:
    """Name in the file -> our name; `whole` with the last convolution."""
    numbers = _numbers(config.halvings, config.blocks)
    ours = ["first", *(f"downs.{i}" for i in range(config.halvings)), *(f"ups.{i}" for i in range(config.halvings))]
    found: dict[str, str] = {}
    for number, name in zip(numbers, ours, strict=False):
        found |= step_names(config, f"model.{number}", f"model.{number + 1}", f"trunk.{name}")
    start = numbers[config.halvings] + 3
    found |= block_names(config, [f"model.{start + i}" for i in range(config.blocks)], "trunk.blocks")
    if whole:
        found |= {f"model.{numbers[-1]}.{part}": f"last.{part}" for part in ("weight", "bias")}
    return found


def block_names(config: Config, theirs: Sequence[str], ours: str) -> dict[str, str]:
    """The tensors of residual blocks. With dropout the second convolution is one further down."""
    found: dict[str, str] = {}
    second = 6 if config.dropout else 5
    for i, where in enumerate(theirs):
        for number, name in ((1, "first"), (second, "second")):
            conv = f"{where}.conv_block.{number}"
            found |= step_names(config, conv, f"{where}.conv_block.{number + 1}", f"{ours}.{i}.{name}")
    return found


def step_names(config: Config, conv: str, norm: str, ours: str) -> dict[str, str]:
    """The tensors of a convolution and of the normalisation after it."""
    parts = ("weight", "bias") if config.bias else ("weight",)
    return {f"{conv}.{part}": f"{ours}.conv.{part}" for part in parts} | switches.norm_names(
        config.norm, norm, f"{ours}.norm"
    )


def _numbers(halvings: int, blocks: int) -> list[int]:
    """Where the convolutions stand in 'model.<number>': first, halvings, doublings, last."""
    # A padding, then three places (convolution, normalisation, activation) for each; a padding before the last.
    downs = [1 + 3 * i for i in range(halvings + 1)]
    ups = [downs[-1] + 3 + blocks + 3 * i for i in range(halvings)]
    return [*downs, *ups, ups[-1] + 4]


CHECKS: configs.Checks = {
    "in_channels": configs.is_count,
    "out_channels": configs.is_channels,
    "width": configs.is_count,
    "halvings": lambda v: configs.is_few(v) and 1 <= v <= MOST_HALVINGS,
    "blocks": configs.is_few,
    "norm": configs.is_norm,
    "bias": configs.is_truth,
    "dropout": configs.is_truth,
}
