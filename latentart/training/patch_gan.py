"""PatchGAN, which judges patches of pairs (Isola et al. 2017), its two losses, and the average of a network's past."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import SettingsError, unknown

LOSSES = ("vanilla", "lsgan")


class PatchCritic(torch.nn.Module):
    """Pairs [N, 6, H, W] -> one logit for each patch, [N, 1, h, w]; `halvings` 3 is pix2pix's patch of 70 pixels,
    2 one of 34. Instance normalisation, so that a picture is judged alike whatever is beside it in the batch."""

    def __init__(self, width: int, *, halvings: int = 3, channels: int = 6) -> None:
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(halvings + 1)]
        layers: list[torch.nn.Module] = [torch.nn.Conv2d(channels, width, 4, 2, 1), torch.nn.LeakyReLU(0.2)]
        for i in range(1, halvings + 1):
            stride = 2 if i < halvings else 1
            layers += [
                torch.nn.Conv2d(widths[i - 1], widths[i], 4, stride, 1, bias=False),
                torch.nn.InstanceNorm2d(widths[i]),
                torch.nn.LeakyReLU(0.2),
            ]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Conv2d(widths[-1], 1, 4, 1, 1))
        self.smallest = 2**halvings * 4
        for module in self.modules():
            if isinstance(module, torch.nn.Conv2d):
                start(module)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """a, b [N, 3, H, W] -> logits, above 0 where b looks like a true answer to a."""
        judged: Tensor = self.layers(torch.cat([a, b], dim=1))
        return judged


def start(module: torch.nn.Conv2d | torch.nn.ConvTranspose2d) -> None:
    """Weights as pix2pix begins: normal, deviation 0.02; biases 0."""
    torch.nn.init.normal_(module.weight, 0.0, 0.02)
    if module.bias is not None:
        torch.nn.init.zeros_(module.bias)


def verdict(logits: Tensor, true: bool, kind: str) -> Tensor:
    """How far logits are from "true" or "made": 'vanilla' cross-entropy, or 'lsgan' squares (Mao et al. 2017)."""
    target = torch.full_like(logits, float(true))
    if kind == "lsgan":
        return F.mse_loss(logits, target)
    return F.binary_cross_entropy_with_logits(logits, target)


def check_loss(kind: str) -> str:
    """Returns the name of a GAN loss, or raises SettingsError."""
    if kind not in LOSSES:
        raise SettingsError(unknown("GAN loss", kind, LOSSES))
    return kind


class Average:
    """The exponential moving average of a network's weights, which draws better than the weights of any one step."""

    def __init__(self, net: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {name: t.detach().clone() for name, t in net.state_dict().items()}

    @torch.no_grad()
    def follow(self, net: torch.nn.Module, step: int) -> None:
        """One step on. In the beginning it forgets faster, or the first pictures would be those of chance."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, now in net.state_dict().items():
            if now.is_floating_point():
                self.tensors[name].lerp_(now, 1 - decay)
