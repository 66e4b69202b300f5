"""Fresh networks for a training, and their weights as checkpoints that `load_translator` opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from latentart.errors import SettingsError, unknown
from latentart.training import state
from latentart.training.patch_gan import start as chance
from latentart.translators import configs
from latentart.translators.base import Translator
from latentart.translators.load import open_translator
from latentart.translators.pix2pix import pix2pix, unet
from latentart.translators.pix2pix import pix2pix_resnet as resnet
from latentart.translators.style import fast_style
from latentart.translators.style.fast_style import HALF, FastStyle
from latentart.weights.checkpoint import Checkpoint

WIDEST = 256
DEEPEST = 8
"""Halvings of a fresh U-Net, as in pix2pix at 256 pixels; fewer where the size has fewer factors of two."""


def check(kind: str, width: int, size: int) -> None:
    """Raises SettingsError for an unknown network, a width or a size it cannot have."""
    if kind not in NETS:
        raise SettingsError(unknown("network", kind, NETS))
    if not 1 <= width <= WIDEST:
        raise SettingsError(f"width {width!r} is out of range: give 1 to {WIDEST}")
    if not 16 <= size <= 1024 or size % 16:
        raise SettingsError(f"size {size!r} is out of range: give a multiple of 16 from 16 to 1024")


def fresh(kind: str, width: int, size: int, *, dropout: bool = False) -> Translator:
    """A network with weights of chance (torch's global generator), as pix2pix begins; see `check`."""
    net = NETS[kind][0](width, size, dropout)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            chance(module)
    return net


def _unet(width: int, size: int, dropout: bool) -> Translator:
    levels = min(DEEPEST, (size & -size).bit_length() - 1)
    widths = tuple(width * min(2**i, 8) for i in range(levels))
    left_out = tuple(range(pix2pix.ALWAYS_WIDENING, levels - 1)) if dropout else ()
    # Each picture is normalised by itself: in a batch of any size it is drawn as it will be alone.
    return unet.UNet(unet.Config(3, 3, widths, "affine", True, dropout=left_out, trained_at=size))


def _resnet(width: int, size: int, dropout: bool) -> Translator:
    blocks = 9 if size >= 256 else 6
    return resnet.ResNet(resnet.Config(3, 3, width, 2, blocks, "affine", True, dropout))


Maker = Callable[[int, int, bool], Translator]
NEIGHBOURS = ((1, 1), (1, 2), (2, 1), (2, 2))
"""Places of a 3x3 kernel of stride 2 that together see every pixel once."""
CONTRAST, UP = 52.0, 2.0
"""The deviation of a photograph's colours, of 255; how many deviations colours are moved up on their way."""
NETS: dict[str, tuple[Maker, str]] = {"unet": (_unet, pix2pix.FAMILY), "resnet": (_resnet, resnet.FAMILY)}
"""Name -> (width, size, dropout -> network; the family it is loaded as)."""


LAYOUTS: dict[str, dict[str, Any]] = {
    "examples": {},
    "ml5": {**fast_style.ML5, "bias": False, "last_norm": True, "eps": 1e-3},
}
"""Wirings of a style network: pytorch/examples, or lengstrom's, which ml5 plays."""


def fresh_style(width: int, layout: str = "examples") -> FastStyle:
    """A network of one style, `width` channels wide at the outside, whose first answer is the picture, blurred.

    A network of pure chance spends its first hundreds of steps on finding the picture again; so some channels are
    made to carry colours through it. One of ml5's layout begins by chance.
    """
    T = FastStyle(fast_style.Config((width, 2 * width, 4 * width), **LAYOUTS[layout]))
    with torch.no_grad():
        if layout == "examples":
            _carry(T.state_dict())
        else:
            # The last normalisation feeds a tanh: colours begin where it is not yet flat.
            T.last.norm.weight.fill_(0.5)  # type: ignore[union-attr, operator]
    return T


def _carry(weights: Mapping[str, Tensor]) -> None:
    """Colours; at each halving four neighbours become channels of their own; on the way up they are averaged.

    weights: of a network, changed in place; as many channels as there are carry. Normalised values are moved `UP`
    deviations, past the ReLUs, and at the end back again.
    """
    colours = [(c, c, (4, 4)) for c in range(3)]
    _wire(weights, "down.0", colours)
    for unit, count in (("down.1", 3), ("down.2", 12)):
        _wire(weights, unit, [(q * count + j, j, at) for q, at in enumerate(NEIGHBOURS) for j in range(count)])
    soft = torch.tensor([1.0, 2.0, 1.0])
    for unit, count in (("up.0", 12), ("up.1", 3)):
        kernel = weights[f"{unit}.conv.weight"]
        for j in range(min(count, len(kernel))):
            kernel[j] = 0
            kernel[j, j : 4 * count : count] = soft[:, None] * soft
            weights[f"{unit}.norm.bias"][j] = UP
    for name in weights:
        if name.endswith("second.norm.weight"):
            weights[name].fill_(0.1)  # what residual blocks add is small at first
    for c, k, at in colours:
        weights["last.conv.weight"][(c, k, *at)] = CONTRAST
    weights["last.conv.bias"].fill_(HALF - UP * CONTRAST)


def _wire(weights: Mapping[str, Tensor], unit: str, wires: Sequence[tuple[int, int, tuple[int, int]]]) -> None:
    """Makes output k of a unit input j at a place of the kernel, moved up."""
    kernel = weights[f"{unit}.conv.weight"]
    for k, j, at in wires:
        if k < kernel.shape[0] and j < kernel.shape[1]:
            kernel[k] = 0
            kernel[(k, j, *at)] = 1
            weights[f"{unit}.norm.bias"][k] = UP


def begin(net: Translator, start: str) -> None:
    """Gives a fresh network the weights of another, by name or file; '' leaves it. Raises WeightsError."""
    if start:
        state.restore_net(net, open_translator(start).tensors, repr(start))


def checkpoint(kind: str, net: Translator, tensors: Mapping[str, Tensor]) -> Checkpoint:
    """Weights of a network as a translator's checkpoint, in our names."""
    family = fast_style.FAMILY if kind == "style" else NETS[kind][1]
    stated = _style_config(net) if isinstance(net, FastStyle) else configs.stated(net.config)
    kept = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    return Checkpoint(kept, {**stated, "family": family}, "", "trained")


def _style_config(net: FastStyle) -> dict[str, object]:
    """What `fast_style.read_config` does not see in the tensors."""
    return {key: getattr(net.config, key) for key in ("border", "doubling", "end", "eps")}
