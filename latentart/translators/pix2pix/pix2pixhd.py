"""pix2pixHD (Wang et al. 2018, arXiv:1711.11585): the global generator, and the local enhancers around one.

A network that draws from maps of labels takes a grey picture of label numbers, as its own label files are, and makes
the one-hot channels and the channel of edges between labels itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import PictureError, SettingsError, WeightsError
from latentart.translators import configs, tensor_names
from latentart.translators.base import Translator
from latentart.translators.pix2pix import options_file, switches
from latentart.translators.pix2pix import pix2pix_resnet as resnet
from latentart.translators.pix2pix.pix2pix_resnet import (
    Block,
    Step,
    Trunk,
    block_names,
    down,
    reflected,
    step_names,
    up,
)
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import shape

FAMILY = "pix2pixhd"
LOOKS_FOR = "model1_1.1.weight (local), or model.1.weight with three halvings or more (global)"
WHAT = "pix2pixHD generator"
OPTIONS = ("opt.txt", *options_file.NAMES)
MOST_ENHANCERS = 4


@dataclasses.dataclass(frozen=True)
class Config(resnet.Config):
    """A global generator, the enhancers around it, and what its input channels mean."""

    enhancers: int = 0
    enhancer_blocks: int = 0
    labels: int = 0
    """Label numbers that the input knows; 0 for a network that takes pictures."""
    edges: bool = False
    """Whether a channel with the edges between labels follows them."""


class Enhancer(torch.nn.Module):
    """Twice the size: what the network inside found is added to the halved picture, and drawn on."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.first = Step(reflected(config.in_channels, config.width, 7, config), config.norm, config.width)
        self.down = down(config.width, config)
        blocks = (Block(config, 2 * config.width, i) for i in range(config.enhancer_blocks))
        self.blocks = torch.nn.Sequential(*blocks)
        self.up = up(config.width, config)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        """x [N, in_channels, H, W], inside [N, 2 width, H / 2, W / 2] -> [N, width, H, W]."""
        x = F.relu(self.down(F.relu(self.first(x)))) + inside
        return F.relu(self.up(self.blocks(x)))


class HD(Translator):
    """A pix2pixHD generator as a translator; see `Config`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.in_channels = 1 if config.labels else config.in_channels
        self.tiles = not config.labels  # label numbers cannot be scaled
        self.multiple = 2 ** (config.halvings + config.enhancers)
        self.smallest = 2 * self.multiple
        widths = [config.width << i for i in range(config.enhancers + 1)]
        self.trunk = Trunk(dataclasses.replace(config, width=widths[-1]))
        inner_first = reversed(widths[:-1])
        self.enhancers = torch.nn.ModuleList(Enhancer(dataclasses.replace(config, width=w)) for w in inner_first)
        self.last = torch.nn.Conv2d(config.width, config.out_channels, 7, padding=3, padding_mode="reflect")

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        """[N, C, H, W] -> [N, out_channels, H, W], tanh; C is 1, with the numbers of labels, or `in_channels`."""
        sizes = [one_hot(img, self.config) if self.config.labels else img]
        for _ in self.enhancers:
            sizes.append(F.avg_pool2d(sizes[-1], 3, 2, 1, count_include_pad=False))
        x = self.trunk(sizes.pop())
        for enhancer in self.enhancers:
            x = enhancer(sizes.pop(), x)
        return torch.tanh(self.last(x))

    def prepared(self, img: Tensor) -> Tensor:
        """The picture as this network takes it: see `Translator.prepared`; label numbers stay what they are."""
        if not self.config.labels:
            return super().prepared(img)
        if img.shape[1] not in (1, 3) or not bool((img == img[:, :1]).all()):
            raise PictureError(f"{self.name} draws from label numbers: give a grey or palette picture of them")
        return img[:, :1]


def one_hot(img: Tensor, config: Config) -> Tensor:
    """Label numbers as grey levels, [N, 1, H, W] in [-1, 1] -> [N, in_channels, H, W] of 0 and 1.

    Raises PictureError for numbers that the network does not know.
    """
    numbers = ((img[:, 0] + 1) * 127.5).round().long()
    if int(numbers.max()) >= config.labels:
        raise PictureError(f"label {int(numbers.max())} in the picture: this network knows 0 to {config.labels - 1}")
    known = F.one_hot(numbers, config.labels).permute(0, 3, 1, 2).to(img.dtype)
    return torch.cat([known, edges(numbers).to(img.dtype)], dim=1) if config.edges else known


def edges(numbers: Tensor) -> Tensor:
    """[N, H, W] -> [N, 1, H, W] bool: pixels whose neighbour, at a side, has another number."""
    found = torch.zeros_like(numbers, dtype=torch.bool)
    for axis, length in ((1, numbers.shape[1]), (2, numbers.shape[2])):
        before, after = (slice(None),) * axis + (slice(0, length - 1),), (slice(None),) * axis + (slice(1, None),)
        apart = numbers[before] != numbers[after]
        found[before] |= apart
        found[after] |= apart
    return found[:, None]


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether there is an enhancer, or a chain that is halved three times or more."""
    local = {"model1_1.1.weight", "model.1.weight"} <= tensors.keys()
    return local or (resnet.is_chain(tensors) and len(resnet.chain_numbers(tensors)[0]) > 2)


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """See `load.Family`; reads opt.txt or train_opt.txt beside the file. Raises WeightsError."""
    source, options = options_file.beside(origin.path, OPTIONS)
    config = _labelled(_config(tensors), options, source)
    words = in_words(config)
    facts = {"output_nc": config.out_channels, "ngf": config.width}
    words += options_file.differences(
        options, source, facts, norm=config.norm, net="local" if config.enhancers else "global"
    )
    made = tensor_names.renamed(tensors, _table(config), what=WHAT, switches=words, unused=switches.unused(config.norm))
    return Parts(made, configs.stated(config), tuple(words))


def build(checkpoint: Checkpoint, *, norm: str = "image", labels: int | None = None, edges: bool | None = None) -> HD:
    """The translator. norm: statistics of the 'image', or those 'stored' (batch norm only).

    labels, edges: what the input channels mean (labels=0: they are a picture's), where the file leaves it open.
    """
    config = _meant(configs.read(Config, checkpoint.config, CHECKS, WHAT), labels, edges)
    with torch.device("meta"):
        T = HD(config)
    tensor_names.fill(T, checkpoint.tensors, what=WHAT, switches=checkpoint.inferred)
    return switches.played(T, checkpoint, in_words(config), dropout=False, norm=norm, seed=None)


def in_words(config: Config) -> list[str]:
    """The config from the tensors, completed by the options file."""
    local = f" and {config.enhancers} local enhancer of {config.enhancer_blocks} blocks" if config.enhancers else ""
    takes = f"takes {configs.PICTURES.get(config.in_channels, config.in_channels)} pictures"
    if config.labels:
        takes = f"takes label numbers 0 to {config.labels - 1}" + (" and draws their edges" if config.edges else "")
    return [f"global generator of {config.blocks} blocks, {config.halvings} halvings{local}", takes]


def _config(tensors: Mapping[str, Tensor]) -> Config:
    count = len(tensor_names.numbered(tensors, r"model(\d)_1\."))
    if count > MOST_ENHANCERS:
        raise WeightsError(f"{count} local enhancers: no {WHAT} has those")
    if not count:
        return Config(**vars(resnet.config_of(tensors)))
    blocks = len(tensor_names.numbered(tensors, rf"model{count}_2\.(\d{{1,3}})\.conv_block\."))
    whole = resnet.config_of(tensors, last=f"model{count}_2.{blocks + 4}")
    values = {**vars(whole), "width": shape(tensors, f"model{count}_1.1.weight", 4, WHAT)[0]}
    return Config(**values, enhancers=count, enhancer_blocks=blocks)


def _labelled(config: Config, options: Mapping[str, str], source: str) -> Config:
    """What the input channels mean: those of a picture where there are 1, 3 or 4; else labels and a channel of edges.

    Raises WeightsError when the options name other channels than the tensors have: the meaning is then unknown.
    """
    labelled = options_file.whole(options, "label_nc", source)
    alone = options_file.truth(options, "no_instance", source)
    features = any(options_file.truth(options, key, source) for key in ("instance_feat", "label_feat"))
    if features or (labelled == 0 and alone is False):
        raise WeightsError(f"{source} says that the network takes more than a picture or labels, which is not read")
    channels = config.in_channels
    guessed = 0 if channels in configs.PICTURES else channels - (not alone)
    labels = guessed if labelled is None else labelled
    made = dataclasses.replace(config, labels=labels, edges=labels > 0 and not alone)
    if not _adds_up(made):
        words = f"label_nc {labels}{' and edges' if made.edges else ''}"
        raise WeightsError(f"{source} says {words}, the tensors have {channels} input channels")
    return made


def _adds_up(config: Config) -> bool:
    if not config.labels:
        return config.in_channels in configs.PICTURES
    return config.labels + config.edges == config.in_channels


def _meant(config: Config, labels: int | None, edges: bool | None) -> Config:
    """The config with the user's words about the input channels. Raises SettingsError when they do not add up."""
    if labels is None and edges is None:
        return config
    if edges is None:
        edges = bool(labels) and labels != config.in_channels
    made = dataclasses.replace(config, labels=config.in_channels - edges if labels is None else labels, edges=edges)
    if not _adds_up(made):
        words = f"labels {made.labels!r} with{'' if edges else 'out'} edges"
        raise SettingsError(f"{words} do not fit: the network has {config.in_channels} input channels")
    return made


def _table(config: Config) -> dict[str, str]:
    if not config.enhancers:
        return resnet.table(config)
    table = resnet.table(config, whole=False)
    for i in range(config.enhancers):
        down, up, ours, blocks = f"model{i + 1}_1", f"model{i + 1}_2", f"enhancers.{i}", config.enhancer_blocks
        table |= step_names(config, f"{down}.1", f"{down}.2", f"{ours}.first")
        table |= step_names(config, f"{down}.4", f"{down}.5", f"{ours}.down")
        table |= block_names(config, [f"{up}.{b}" for b in range(blocks)], f"{ours}.blocks")
        table |= step_names(config, f"{up}.{blocks}", f"{up}.{blocks + 1}", f"{ours}.up")
    return table | {f"{up}.{blocks + 4}.{part}": f"last.{part}" for part in ("weight", "bias")}


CHECKS: configs.Checks = {
    **resnet.CHECKS,
    "enhancers": lambda v: configs.is_few(v) and v <= MOST_ENHANCERS,
    "enhancer_blocks": configs.is_few,
    "labels": lambda v: type(v) is int and 0 <= v <= 256,
    "edges": configs.is_truth,
}
