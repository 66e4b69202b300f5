"""pix2pix of affinelayer/pix2pix-tensorflow, which ml5, keijiro's Unity plug-in and the browser demos load.

The U-Net of `unet`, with TensorFlow's names and order of axes, a normalisation on the innermost map too, and what the
way up has drawn before what the way down had found. Its batch norm was never meant to use stored averages: in its
files they are 0 and 1.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.translators import configs, tensor_names
from latentart.translators.pix2pix.unet import CHECKS, DEEPEST, Config, UNet, built, in_words
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import shape

FAMILY = "pix2pix-affinelayer"
LOOKS_FOR = "generator/encoder_1/conv2d/kernel, generator/decoder_1/conv2d_transpose/kernel (TensorFlow U-Net)"
WHAT = "pix2pix U-Net of affinelayer"
FIRST = "generator/encoder_1/conv2d/kernel"
UNUSED = r".*/(moving_mean|moving_variance)|discriminator/.*"
"""What training left in a checkpoint, which no picture depends on."""
EARLIER = {
    "/conv/filter": "/conv2d/kernel",
    "/deconv/filter": "/conv2d_transpose/kernel",
    "/batchnorm/scale": "/batch_normalization/gamma",
    "/batchnorm/offset": "/batch_normalization/beta",
}
"""Names of 2017, when the convolutions had no biases."""


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the first kernel is there."""
    return FIRST in _current(tensors)


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """See `load.Family`. Raises WeightsError."""
    current = _current(tensors)
    config, biased = _config(current), any(name.endswith("/bias") for name in current)
    words = in_words(config)
    words += [] if biased else ["no biases in the file: they are 0"]
    made = tensor_names.renamed(current, _table(config, biased), what=WHAT, switches=words, unused=UNUSED)
    return Parts(_turned(made, config, biased), configs.stated(config), tuple(words))


def build(
    checkpoint: Checkpoint, *, dropout: bool = False, seed: int | None = None, ml5_biases: bool = False
) -> UNet:  # fmt: skip
    """The translator. dropout: off; on needs a seed.

    ml5_biases: play it as ml5 did, whose encoder forgot its biases (only that of the first level can be seen).
    """
    if ml5_biases:
        less = {n: torch.zeros_like(t) if n.endswith(".down.bias") else t for n, t in checkpoint.tensors.items()}
        words = (*checkpoint.inferred, "without the encoder's biases, as ml5")
        checkpoint = dataclasses.replace(checkpoint, tensors=less, inferred=words)
    return built(checkpoint, dropout=dropout, seed=seed)


def variables(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The tensors of a network of this family under TensorFlow's names and in its order of axes, as files hold them."""
    config = configs.read(Config, checkpoint.config, CHECKS, WHAT)
    table, found = _table(config, True), {}
    for theirs, ours in table.items():
        tensor = checkpoint.tensors[ours]
        level = re.fullmatch(r"levels\.(\d+)\.up\.weight", ours)
        if level and int(level[1]) + 1 < len(config.widths):
            tensor = tensor.roll(-config.widths[int(level[1])], 0)
        found[theirs] = tensor.permute(2, 3, 1, 0).contiguous() if tensor.ndim == 4 else tensor
    return found


def _current(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by the names of later versions, without TensorFlow's ':0'."""
    found = {}
    for name, tensor in tensors.items():
        name = name.removesuffix(":0")
        for old, new in EARLIER.items():
            name = name.replace(old, new) if name.endswith(old) else name
        found[name] = tensor
    return found


def _config(tensors: Mapping[str, Tensor]) -> Config:
    levels = tensor_names.numbered(tensors, r"generator/encoder_(\d{1,3})/")
    if levels != list(range(1, len(levels) + 1)) or not 2 <= len(levels) <= DEEPEST:
        raise WeightsError(f"encoder levels {levels[:8]}: 1, 2 ... without a gap are wanted, 2 to {DEEPEST} of them")
    kernels = [shape(tensors, f"generator/encoder_{i}/conv2d/kernel", 4, WHAT) for i in levels]
    outputs = shape(tensors, "generator/decoder_1/conv2d_transpose/kernel", 4, WHAT)[2]
    # Dropout is in the three innermost levels of the way up, as far as they are inside of the doubling ones.
    dropout = tuple(range(max(1, len(levels) - 3), len(levels)))
    widths = tuple(kernel[3] for kernel in kernels)
    # That program has one size, at which the innermost map is one pixel.
    return Config(
        kernels[0][2],
        outputs,
        widths,
        "affine",
        True,
        innermost_norm=True,
        dropout=dropout,
        trained_at=2 ** len(widths),
    )


def _table(config: Config, biased: bool) -> dict[str, str]:
    table: dict[str, str] = {}
    parts = [("kernel", "weight"), *([("bias", "bias")] if biased else [])]
    for level in range(len(config.widths)):
        for theirs, conv, ours in (("encoder", "conv2d", "down"), ("decoder", "conv2d_transpose", "up")):
            where = f"generator/{theirs}_{level + 1}"
            table |= {f"{where}/{conv}/{a}": f"levels.{level}.{ours}.{b}" for a, b in parts}
            if level:
                norm = f"{where}/batch_normalization"
                table |= {f"{norm}/gamma": f"levels.{level}.{ours}_norm.weight"}
                table |= {f"{norm}/beta": f"levels.{level}.{ours}_norm.bias"}
    return table


def _turned(tensors: dict[str, Tensor], config: Config, biased: bool) -> dict[str, Tensor]:
    """Kernels in PyTorch's order of axes and channels, and zeros for the biases of early files."""
    made = {}
    for name, tensor in tensors.items():
        if tensor.ndim == 4:
            tensor = tensor.permute(3, 2, 0, 1).contiguous()
        if (found := re.fullmatch(r"levels\.(\d+)\.up\.weight", name)) and int(found[1]) + 1 < len(config.widths):
            tensor = tensor.roll(config.widths[int(found[1])], 0)  # what the way down had found goes first
        made[name] = tensor
    if not biased:
        made |= {n.replace("weight", "bias"): torch.zeros(_outputs(n, t)) for n, t in made.items() if t.ndim == 4}
    return made


def _outputs(name: str, kernel: Tensor) -> int:
    return kernel.shape[1] if ".up." in name else kernel.shape[0]
