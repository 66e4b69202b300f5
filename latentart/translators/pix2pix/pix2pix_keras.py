"""pix2pix U-Nets that were carried over to Keras and TensorFlow.js layer by layer (zaidalyafeai's, for example).

affinelayer's network under the names that Keras gives by itself, counted in the order of the layers, and with Keras'
epsilon. Its batch norm plays the statistics of the current image, too: the stored ones are 0 and 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from latentart.errors import WeightsError
from latentart.translators.pix2pix import pix2pix_affinelayer as affinelayer
from latentart.translators.pix2pix.unet import UNet, built
from latentart.weights.checkpoint import Checkpoint, Origin, Parts

FAMILY = "pix2pix-keras"
LOOKS_FOR = "conv2d_1/kernel, conv2d_transpose_1/kernel, batch_normalization_1/gamma (Keras U-Net)"
EPSILON = 1e-3
_KINDS = ("conv2d", "conv2d_transpose", "batch_normalization")
_NAME = re.compile(r"(conv2d|conv2d_transpose|batch_normalization)(?:_(\d{1,4}))?/(\w+)")


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether kernels of 4 x 4 go down and up again, as often, with names that Keras gave."""
    down, up = ([t for n, t in tensors.items() if _kind(n) == (kind, "kernel")] for kind in _KINDS[:2])
    return 2 <= len(down) == len(up) and all(t.ndim == 4 and t.shape[:2] == (4, 4) for t in (*down, *up))


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """See `load.Family`. Raises WeightsError."""
    made = affinelayer.convert(_renamed(tensors), origin)
    return Parts(made.tensors, {**made.config, "eps": EPSILON}, made.inferred)


def build(checkpoint: Checkpoint, *, dropout: bool = False, seed: int | None = None) -> UNet:
    """The translator. dropout: off; on needs a seed."""
    return built(checkpoint, dropout=dropout, seed=seed)


def _kind(name: str) -> tuple[str, str]:
    found = _NAME.fullmatch(name)
    return (found[1], found[3]) if found else ("", "")


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by affinelayer's names. Keras' numbers only count: they may begin anywhere."""
    numbers = {kind: sorted({_number(n) for n in tensors if _kind(n)[0] == kind}) for kind in _KINDS}
    levels = len(numbers["conv2d"])
    if len(numbers["batch_normalization"]) != 2 * levels - 2:
        raise WeightsError(f"{len(numbers['batch_normalization'])} normalisations in a U-Net of {levels} levels")
    made = {}
    for name, tensor in tensors.items():
        kind, part = _kind(name)
        place = numbers[kind].index(_number(name)) if kind else 0
        made[f"generator/{_place(kind, place, levels)}/{kind}/{part}" if kind else name] = tensor
    return made


def _number(name: str) -> int:
    found = _NAME.fullmatch(name)
    return int(found[2] or 0) if found else 0


def _place(kind: str, place: int, levels: int) -> str:
    """'encoder_2': normalisations follow the convolutions, all of them but the first down and the last up."""
    if kind == "conv2d" or (kind == "batch_normalization" and place < levels - 1):
        return f"encoder_{place + 1 + (kind != 'conv2d')}"
    return f"decoder_{levels - (place if kind == 'conv2d_transpose' else place - levels + 1)}"
