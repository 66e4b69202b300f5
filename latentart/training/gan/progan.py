"""Progressive growing of GANs (Karras et al. 2018, arXiv:1710.10196): networks that grow from 4x4, and WGAN-GP.

Equalised learning rates, pixel normalisation, minibatch deviation. All sizes have their weights from the beginning;
those not reached yet have gradients of zero. The paper's optimiser is Adam with RATE, betas 0 and 0.99; it starts anew
at each size (`growth.begins`). Its loss has no use for the adaptive augmentation: its signs mean nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import SettingsError
from latentart.models import ops
from latentart.models.base import NoiseMode, Synthesizer, check_published
from latentart.models.direct import Direct
from latentart.models.progan import FAMILY, Config
from latentart.training.gan.critics.discriminator import deviation
from latentart.training.gan.growth import Phase, faded, pooled
from latentart.weights.checkpoint import Checkpoint

RATE = 0.001
PENALTY, DRIFT = 10.0, 0.001


class Conv(torch.nn.Module):
    """Convolution whose weights of deviation 1 are multiplied by He's factor when used: equal rates for all layers."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, gain: float = ops.SQRT2) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(ops.normal(outputs, inputs, size, size))
        self.bias = torch.nn.Parameter(torch.zeros(outputs))
        self.gain = gain / math.sqrt(inputs * size * size)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H, W]."""
        return F.conv2d(x, self.weight * self.gain, self.bias, padding=self.weight.shape[2] // 2)


class Dense(torch.nn.Module):
    """A dense layer with the equalized learning rate, for vectors."""

    def __init__(self, inputs: int, outputs: int, gain: float = ops.SQRT2) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(ops.normal(outputs, inputs))
        self.bias = torch.nn.Parameter(torch.zeros(outputs))
        self.gain = gain / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Applies the layer: x [N, inputs] -> [N, outputs]."""
        return F.linear(x, self.weight * self.gain, self.bias)


class Synthesis(Synthesizer):
    """A point on the sphere -> a picture at the size of `phase`, repeated to the full size."""

    def __init__(self, z_dim: int, widths: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.phase = Phase(len(widths) - 1, 1.0)
        self.side = self.phase.side
        self.start = Dense(z_dim, 16 * widths[0])
        pairs = [(widths[0], widths[0])]
        for before, width in itertools.pairwise(widths):
            pairs += [(before, width), (width, width)]
        self.layers = torch.nn.ModuleList(Conv(a, b) for a, b in pairs)
        self.torgb = torch.nn.ModuleList(Conv(width, channels, 1, gain=1) for width in widths)

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
        **published: Any,
    ) -> Tensor:
        """ws [N, 1, z_dim] -> [N, C, H, H] at the full size; there are no noise inputs."""
        check_published(published)
        img = _repeated(self.drawn(ws), self.side)
        return img + _nothing(self._unused()) if self.training else img

    def drawn(self, ws: Tensor) -> Tensor:
        """The same at the size of the phase."""
        x = F.leaky_relu(self.start(ws[:, 0]), 0.2).view(len(ws), -1, 4, 4)
        x = _activated(self.layers[0], ops.unit_rms(x))
        below = x
        for level in range(1, self.phase.level + 1):
            below, x = x, _repeated(x, 4 << level)
            for layer in self.layers[2 * level - 1 : 2 * level + 1]:
                x = _activated(layer, x)
        img: Tensor = self.torgb[self.phase.level](x)
        if self.phase.alpha == 1 or self.phase.level == 0:
            return img
        before = _repeated(self.torgb[self.phase.level - 1](below), self.phase.side)
        return torch.lerp(before, img, self.phase.alpha)

    def _unused(self) -> Iterable[torch.nn.Module]:
        used = (self.phase.level, self.phase.level - 1 if self.phase.alpha < 1 else -1)
        yield from self.layers[2 * self.phase.level + 1 :]
        yield from (layer for level, layer in enumerate(self.torgb) if level not in used)


def _activated(layer: torch.nn.Module, x: Tensor) -> Tensor:
    return ops.unit_rms(F.leaky_relu(layer(x), 0.2))


def _repeated(img: Tensor, side: int) -> Tensor:
    factor = side // img.shape[3]
    return F.interpolate(img, scale_factor=factor, mode="nearest") if factor > 1 else img


def _nothing(layers: Iterable[torch.nn.Module]) -> Tensor | float:
    """Zero, whose gradient by the layers' weights is zero instead of missing."""
    return sum((p.sum() * 0 for layer in layers for p in layer.parameters()), start=0.0)


class Critic(torch.nn.Module):
    """Pictures of the full size or of the phase's -> a score without bounds, higher where a picture looks real."""

    def __init__(self, widths: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.phase = Phase(len(widths) - 1, 1.0)
        self.fromrgb = torch.nn.ModuleList(Conv(channels, width, 1) for width in widths)
        pairs = itertools.pairwise(widths)
        self.blocks = torch.nn.ModuleList(
            torch.nn.Sequential(Conv(width, width), Conv(width, below)) for below, width in pairs
        )
        self.conv = Conv(widths[0] + 1, widths[0])
        self.fc = Dense(16 * widths[0], widths[0])
        self.out = Dense(widths[0], 1, gain=1)

    def forward(self, img: Tensor, c: Tensor | None = None) -> Tensor:
        """img [N, C, H, H] in [-1, 1] -> [N]; there are no classes."""
        img = pooled(img, self.phase.side)
        x = F.leaky_relu(self.fromrgb[self.phase.level](img), 0.2)
        for level in range(self.phase.level, 0, -1):
            for layer in self.blocks[level - 1].children():
                x = F.leaky_relu(layer(x), 0.2)
            x = F.avg_pool2d(x, 2)
            if level == self.phase.level and self.phase.alpha < 1:
                below = F.leaky_relu(self.fromrgb[level - 1](F.avg_pool2d(img, 2)), 0.2)
                x = torch.lerp(below, x, self.phase.alpha)
        x = F.leaky_relu(self.conv(torch.cat([x, deviation(x)], dim=1)), 0.2)
        score: Tensor = self.out(F.leaky_relu(self.fc(x.flatten(1)), 0.2))[:, 0]
        return score + _nothing(self._unused()) if self.training else score

    def _unused(self) -> Iterable[torch.nn.Module]:
        used = (self.phase.level, self.phase.level - 1 if self.phase.alpha < 1 else -1)
        yield from self.blocks[self.phase.level :]
        yield from (layer for level, layer in enumerate(self.fromrgb) if level not in used)


class Generator(Direct):
    """A trainable ProGAN generator; `grow` sets the phase of its training."""

    synthesis: Synthesis

    def __init__(self, z_dim: int, widths: tuple[int, ...], channels: int) -> None:
        """widths: channels of each size, from 4x4 upward."""
        layers = (widths[0], widths[0], *(width for width in widths[1:] for _ in (0, 1)))
        config = Config(z_dim, layers, channels, normalize_start=True, unit_output=False)
        super().__init__(FAMILY, config, Synthesis(z_dim, widths, channels), normalize=True)


def networks(z_dim: int, widths: tuple[int, ...], channels: int, c_dim: int = 0) -> tuple[Generator, Critic]:
    """Generator and critic with weights of chance from torch's global generator, at their last phase."""
    if c_dim:
        raise SettingsError(f"a progan has no classes, {c_dim} were found: leave out --classes or use --net stylegan2")
    return Generator(z_dim, widths, channels), Critic(widths, channels)


def grow(net: Generator | Critic, now: Phase) -> None:
    """Sets what a network draws or judges to a phase of the training."""
    (net.synthesis if isinstance(net, Generator) else net).phase = now


def critic_loss(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """Wasserstein loss with gradient penalty (Gulrajani et al. 2017, arXiv:1704.00028) and the paper's drift term.

    real, fake: [N, C, H, H] at the full size; real ones are faded here as the generator's are.
    """
    real, fake = faded(real, critic.phase), pooled(fake, critic.phase.side)
    scores, fooled = critic(real), critic(fake)
    share = torch.rand(len(real), 1, 1, 1).to(real)
    between = torch.lerp(real.detach(), fake.detach(), share).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    steepness = gradient.flatten(1).norm(dim=1)
    loss: Tensor = (fooled - scores + PENALTY * (steepness - 1).square() + DRIFT * scores.square()).mean()
    return loss


def generator_loss(critic: Critic, fake: Tensor) -> Tensor:
    """Wasserstein loss of the generator."""
    score: Tensor = critic(fake)
    return -score.mean()


def restart(optimizer: torch.optim.Optimizer) -> None:
    """Lets an optimiser forget everything, as the paper's does at each new size."""
    optimizer.state.clear()


def checkpoint(G: Generator) -> Checkpoint:
    """The generator with its factors multiplied in, as `latentart.load` opens it.

    Its size is that of the phase; inside a fade the file holds the size below until half of the fade is over, since a
    stored generator has one size.
    """
    net, now = G.synthesis, G.synthesis.phase
    level = now.level - 1 if now.level and now.alpha < 0.5 else now.level
    used = {"start": net.start, "torgb": net.torgb[level]}
    used |= {f"layers.{i}": layer for i, layer in enumerate(net.layers[: 2 * level + 1])}
    tensors = {}
    for name, layer in used.items():
        assert isinstance(layer, Conv | Dense)
        tensors[f"{name}.weight"] = (layer.weight * layer.gain).detach().float().cpu().contiguous()
        tensors[f"{name}.bias"] = layer.bias.detach().float().cpu().contiguous()
    return Checkpoint(tensors, {"family": FAMILY, "normalize_start": True, "unit_output": False}, "", FAMILY)
