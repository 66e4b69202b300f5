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
    """A network of one style, `width` channels wide at the outside, whose first answer is the picture, blurred.

    A network of pure chance spends its first hundreds of steps on finding the picture again; so some channels are
    made to carry colours through it. What they carry is moved up by 2 deviations, past the ReLUs.
    """
    T = FastStyle(fast_style.Config((width, 2 * width, 4 * width)))
    with torch.no_grad():
        _carry(T)
    return T


PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))
CONTRAST, UP = 52.0, 2.0
"""The deviation of a photograph's colours, of 255; and how far colours are moved up."""


def _carry(T: FastStyle) -> None:
    """Colours, then four neighbours as channels, and their neighbours as channels; on the way up they are averaged."""
    down, up = list(T.down), list(T.up)
    halved = [(4, 3, [(c, c, (0, 0)) for c in range(3)])]
    halved += [
        (
            1,
            3 * 4**n,
            [(3 * 4 ** (n - 1) * q + j, j, at) for q, at in enumerate(PHASES) for j in range(3 * 4 ** (n - 1))],
        )
        for n in (1, 2)
    ]
    for unit, (middle, _, ways) in zip(down, halved, strict=True):
        for k, j, (y, x) in ways:
            if k < unit.conv.weight.shape[0] and j < unit.conv.weight.shape[1]:
                unit.conv.weight[k] = 0
                unit.conv.weight[k, j, middle + y, middle + x] = 1
                unit.norm.bias[k] = UP
    soft = torch.tensor([1.0, 2.0, 1.0])
    soft = soft[:, None] * soft
    for unit, count in zip(up, (12, 3), strict=True):
        for j in range(min(count, len(unit.conv.weight))):
            unit.conv.weight[j] = 0
            unit.conv.weight[j, j : 4 * count : count] = soft
            unit.norm.bias[j] = UP
    for block in T.res:
        block.second.norm.weight.fill_(0.1)
    for c in range(3):
        T.last.conv.weight[c, c, 4, 4] = CONTRAST
    T.last.conv.bias.fill_(HALF - UP * CONTRAST)


def checkpoint(kind: str, net: Translator, tensors: Mapping[str, Tensor]) -> Checkpoint:
    """Weights of a network as a translator's checkpoint, in our names."""
    family = fast_style.FAMILY if kind == "style" else NETS[kind][1]
    stated = _style_config(net) if isinstance(net, FastStyle) else configs.stated(net.config)
    kept = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    return Checkpoint(kept, {**stated, "family": family}, "", "trained")


def _style_config(net: FastStyle) -> dict[str, object]:
    """What `fast_style.read_config` does not see in the tensors."""
    return {key: getattr(net.config, key) for key in ("border", "doubling", "end", "eps")}
