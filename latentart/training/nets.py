"""Fresh networks for a training, and their weights as checkpoints that `load_translator` opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from latentart.errors import SettingsError, unknown
from latentart.training.critic import start
from latentart.translators import configs, fast_style, pix2pix, resnet, unet
from latentart.translators.base import Translator
from latentart.translators.fast_style import HALF, FastStyle
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
            start(module)
    return net


def _unet(width: int, size: int, dropout: bool) -> Translator:
    levels = min(DEEPEST, (size & -size).bit_length() - 1)
    widths = tuple(width * min(2**i, 8) for i in range(levels))
    left_out = tuple(range(pix2pix.ALWAYS_WIDENING, levels - 1)) if dropout else ()
    # Each picture is normalised by itself: in a batch of any size it is drawn as it will be alone.
    return unet.UNet(unet.Config(3, 3, widths, "affine", True, dropout=left_out))


def _resnet(width: int, size: int, dropout: bool) -> Translator:
    blocks = 9 if size >= 256 else 6
    return resnet.ResNet(resnet.Config(3, 3, width, 2, blocks, "affine", True, dropout))


Maker = Callable[[int, int, bool], Translator]
NETS: dict[str, tuple[Maker, str]] = {"unet": (_unet, pix2pix.FAMILY), "resnet": (_resnet, resnet.FAMILY)}
"""Name -> (width, size, dropout -> network; the family it is loaded as)."""


def fresh_style(width: int) -> FastStyle:
    """A network of one style, `width` channels wide at the outside, whose first answer is a dim grey picture.

    pytorch/examples begins with answers around 0 of 255, and the first hundreds of steps only find the brightness.
    """
    T = FastStyle(fast_style.Config((width, 2 * width, 4 * width)))
    last = T.last.conv
    with torch.no_grad():
        last.weight.mul_(0.15 * HALF)  # type: ignore[operator]
        last.bias.fill_(HALF)  # type: ignore[operator]
    return T


def checkpoint(kind: str, net: Translator, tensors: Mapping[str, Tensor]) -> Checkpoint:
    """Weights of a network as a translator's checkpoint, in our names."""
    family = fast_style.FAMILY if kind == "style" else NETS[kind][1]
    stated = _style_config(net) if isinstance(net, FastStyle) else configs.stated(net.config)
    kept = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    return Checkpoint(kept, {**stated, "family": family}, "", "trained")


def _style_config(net: FastStyle) -> dict[str, object]:
    """What `fast_style.read_config` does not see in the tensors."""
    return {key: getattr(net.config, key) for key in ("border", "doubling", "end", "eps")}
