"""U-Net generators of pytorch-CycleGAN-and-pix2pix: unet_256, unet_128, and any other depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from latentart.errors import WeightsError
from latentart.translators import configs, tensor_names
from latentart.translators.pix2pix import options_file, switches
from latentart.translators.pix2pix.unet import DEEPEST, Config, UNet, built, in_words
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import shape

FAMILY = "pix2pix"
LOOKS_FOR = "model.model.0.weight, model.model.1.model.1.weight (U-Net)"
WHAT = "pix2pix U-Net"
ALWAYS_WIDENING = 4
"""Levels whose width doubles; those between them and the innermost were trained with dropout."""


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the outermost level and one inside it are there."""
    return {"model.model.0.weight", "model.model.1.model.1.weight"} <= tensors.keys()


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """See `load.Family`; reads train_opt.txt or test_opt.txt beside the file. Raises WeightsError."""
    source, options = options_file.beside(origin.path)
    config = _config(tensors, dropout=not options_file.truth(options, "no_dropout", source))
    config = replace(config, trained_at=options_file.side(options, source))
    words = in_words(config) + _compared(config, options, source)
    made = tensor_names.renamed(tensors, _table(config), what=WHAT, switches=words, unused=switches.unused(config.norm))
    return Parts(made, configs.stated(config), tuple(words))


def build(checkpoint: Checkpoint, *, dropout: bool = False, norm: str = "image", seed: int | None = None) -> UNet:
    """The translator. dropout: off; on needs a seed. norm: statistics of the 'image', or those 'stored'."""
    return built(checkpoint, dropout=dropout, norm=norm, seed=seed)


def _config(tensors: Mapping[str, Tensor], *, dropout: bool) -> Config:
    depth = next((d for d in range(2, DEEPEST + 2) if f"{_inside(d)}1.weight" not in tensors), DEEPEST + 2)
    if depth > DEEPEST:
        raise WeightsError(f"a U-Net of more than {DEEPEST} levels: no picture has that many halvings")
    widths = [shape(tensors, name, 4, WHAT) for name in (_down(level) for level in range(depth))]
    outputs = shape(tensors, _up(0, depth), 4, WHAT)[1]
    bias = any(_down(level).replace("weight", "bias") in tensors for level in range(depth))
    norm = switches.norm_of(tensors, f"{_inside(depth - 1)}4", bias)
    levels = tuple(range(ALWAYS_WIDENING, depth - 1)) if dropout else ()
    return Config(widths[0][1], outputs, tuple(w[0] for w in widths), norm, bias, dropout=levels)


def _inside(level: int) -> str:
    """What the names of a level's layers begin with: each lies within the one before."""
    return "model.model." + ("1.model." + "3.model." * (level - 1) if level else "")


def _down(level: int) -> str:
    return f"{_inside(level)}{1 if level else 0}.weight"


def _up(level: int, depth: int) -> str:
    # The innermost level has nothing within, and no normalisation on its way down.
    return f"{_inside(level)}{3 if level in (0, depth - 1) else 5}.weight"


def _table(config: Config) -> dict[str, str]:
    depth, table = len(config.widths), {"model.model.3.bias": "levels.0.up.bias"}
    for level in range(depth):
        for theirs, ours in ((_down(level), "down"), (_up(level, depth), "up")):
            table[theirs] = f"levels.{level}.{ours}.weight"
            if config.bias:
                table[theirs.replace("weight", "bias")] = f"levels.{level}.{ours}.bias"
        if 0 < level < depth - 1:
            table |= switches.norm_names(config.norm, f"{_inside(level)}2", f"levels.{level}.down_norm")
        if level:
            number = 4 if level == depth - 1 else 6
            table |= switches.norm_names(config.norm, f"{_inside(level)}{number}", f"levels.{level}.up_norm")
    return table


def _compared(config: Config, options: Mapping[str, str], source: str) -> list[str]:
    """Words about where the options and the tensors disagree: the tensors count."""
    facts = {"input_nc": config.in_channels, "output_nc": config.out_channels, "ngf": config.widths[0]}
    return [
        *options_file.differences(options, source, facts, norm=config.norm, net="unet"),
        *options_file.direction(options, source),
    ]
