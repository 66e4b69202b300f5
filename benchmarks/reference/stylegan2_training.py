"""One training step of StyleGAN2-ADA as the papers state it: the reference of tests and of `benchmarks/train_gan.py`.

Karras et al. 2020, arXiv:1912.04958 (networks, R1, path length, lazy regularisation) and arXiv:2006.06676 (`auto`
configuration). The generator is `Fused`: every sample gets its own kernel. Plain functions over tensors by the published
names, sharing no line with `latentart`; only the random numbers come from outside, by `draw`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.stylegan2_fused import Fused, activate, normalize

Batch = tuple[Tensor, Tensor | None, Tensor, Tensor | None]
"""z, labels for the generator, real pictures, their labels."""


class Training:
    """Both networks, their optimisers, and the running means. draw: (step, phase) -> the batch, and torch's generator
    left where noise begins."""

    def __init__(self, generator: Mapping[str, Tensor], discriminator: Mapping[str, Tensor], *, gamma: float,
                 draw: Callable[[int, str], Batch], rate: float = 0.0025, path: float = 2.0, g_every: int = 4,
                 d_every: int = 16) -> None:  # fmt: skip
        self.g, self.d = leaves(generator), leaves(discriminator)
        self.gamma, self.path, self.g_every, self.d_every, self.draw = gamma, path, g_every, d_every, draw
        self.G = Fused(self.g, {})
        self.path_mean = torch.zeros([])
        self.optimizers = {"g": adam(self.g, rate, g_every if path else 0), "d": adam(self.d, rate, d_every)}

    def step(self, number: int) -> dict[str, float]:
        """Losses by name of one step."""
        found = {"G": self.descend("g", self.generator_loss(number))}
        if self.path and number % self.g_every == 0:
            found["path"] = self.descend("g", self.path_loss(number), self.g_every)
        found["D"] = self.descend("d", self.discriminator_loss(number))
        if number % self.d_every == 0:
            found["R1"] = self.descend("d", self.r1_loss(number), self.d_every)
        return found

    def descend(self, which: str, loss: Tensor, gain: float = 1.0) -> float:
        """One step of Adam."""
        self.optimizers[which].zero_grad(set_to_none=True)
        parameters = [t for t in (self.g if which == "g" else self.d).values() if t.requires_grad]
        gradients = torch.autograd.grad(loss * gain, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient  # Adam leaves out what has none: a bias in a regularisation
        self.optimizers[which].step()
        return float(loss.detach())

    def images(self, z: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """(pictures, ws) with fresh noise in each layer."""
        ws = self.G.mapping(z, c)
        maps = {name: t.shape for name, t in self.g.items() if name.endswith("noise_const")}
        noise = {}
        for resolution in self.G.resolutions:
            for conv in ("conv0", "conv1"):
                name = f"b{resolution}.{conv}"
                if f"synthesis.{name}.noise_const" in maps:
                    noise[name] = torch.randn(len(z), 1, *maps[f"synthesis.{name}.noise_const"])
        return self.G.synthesis(ws, noise=noise), ws

    def generator_loss(self, number: int) -> Tensor:
        """Non-saturating: -log sigmoid(D(G(z)))."""
        z, c, _, _ = self.draw(number, "G")
        return F.softplus(-judge(self.d, self.images(z, c)[0], c)).mean()

    def path_loss(self, number: int) -> Tensor:
        """(|J^T y| - a)^2 on half the batch."""
        z, c, _, _ = self.draw(number, "path")
        half = len(z) // 2
        img, ws = self.images(z[:half], None if c is None else c[:half])
        noise = torch.randn_like(img) / math.sqrt(img.shape[2] * img.shape[3])
        (gradient,) = torch.autograd.grad((img * noise).sum(), ws, create_graph=True)
        lengths = gradient.square().sum(dim=2).mean(dim=1).sqrt()
        self.path_mean = self.path_mean + 0.01 * (lengths.detach().mean() - self.path_mean)
        return self.path * (lengths - self.path_mean).square().mean()

    def discriminator_loss(self, number: int) -> Tensor:
        """-log(1 - sigmoid(D(G(z)))) - log sigmoid(D(x))."""
        z, c, real, real_c = self.draw(number, "D")
        with torch.no_grad():
            fake = self.images(z, c)[0]
        return (F.softplus(judge(self.d, fake, c)) + F.softplus(-judge(self.d, real, real_c))).mean()

    def r1_loss(self, number: int) -> Tensor:
        """gamma / 2 |grad D(x)|^2."""
        _, _, real, real_c = self.draw(number, "R1")
        real = real.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(judge(self.d, real, real_c).sum(), real, create_graph=True)
        return gradient.square().sum(dim=(1, 2, 3)).mean() * self.gamma / 2


def leaves(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies, with gradients where a network learns."""
    fixed = ("noise_const", "resample_filter", "w_avg")
    return {name: t.detach().clone().contiguous().requires_grad_(not name.endswith(fixed))
            for name, t in tensors.items()}  # fmt: skip


def adam(tensors: Mapping[str, Tensor], rate: float, every: int) -> torch.optim.Adam:
    """Adam corrected for lazy regularisation."""
    ratio = every / (every + 1) if every else 1.0
    return torch.optim.Adam([t for t in tensors.values() if t.requires_grad], rate * ratio, (0.0, 0.99**ratio))


def judge(d: Mapping[str, Tensor], img: Tensor, c: Tensor | None) -> Tensor:
    """The residual discriminator: pictures [N, C, H, W] -> [N]."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    taps = torch.outer(taps, taps)
    sizes = sorted({int(n[1:].split(".")[0]) for n in d if n.startswith("b") and ".conv0" in n})[::-1]
    x = activate(conv(img, d, f"b{sizes[0]}.fromrgb"))
    for size in sizes:
        name = f"b{size}"
        y = activate(conv(x, d, f"{name}.conv0", padding=1))
        y = activate(conv(fir(y, taps, 2), d, f"{name}.conv1", stride=2))
        shortcut = conv(fir(x, taps, 1)[:, :, ::2, ::2], d, f"{name}.skip")
        x = (y + shortcut) / math.sqrt(2)
    x = torch.cat([x, spread(x)], dim=1)
    x = activate(conv(x, d, "b4.conv", padding=1))
    x = activate(dense(x.flatten(1), d, "b4.fc"))
    x = dense(x, d, "b4.out")
    if c is None:
        return x[:, 0]
    label = normalize(dense(c, d, "mapping.embed"))
    for i in range(8):
        label = activate(dense(label, d, f"mapping.fc{i}", 0.01))
    return (x * label).sum(dim=1) / math.sqrt(x.shape[1])


def conv(x: Tensor, d: Mapping[str, Tensor], name: str, stride: int = 1, padding: int = 0) -> Tensor:
    """Convolution with equalised learning rate."""
    weight = d[f"{name}.weight"]
    x = F.conv2d(x, weight / math.sqrt(weight[0].numel()), stride=stride, padding=padding)
    return x + d[f"{name}.bias"][None, :, None, None] if f"{name}.bias" in d else x


def dense(x: Tensor, d: Mapping[str, Tensor], name: str, multiplier: float = 1.0) -> Tensor:
    """Linear layer with equalised learning rate."""
    weight = d[f"{name}.weight"]
    return x @ (weight * multiplier / math.sqrt(weight.shape[1])).T + d[f"{name}.bias"] * multiplier


def fir(x: Tensor, taps: Tensor, pad: int) -> Tensor:
    """Every channel through the FIR filter."""
    return F.conv2d(F.pad(x, (pad,) * 4), taps[None, None].repeat(x.shape[1], 1, 1, 1), groups=x.shape[1])


def spread(x: Tensor) -> Tensor:
    """Minibatch deviation in groups of four: picture i is compared with i + N/4, i + N/2 ..."""
    n, c, h, w = x.shape
    groups = x.view(4, n // 4, c, h, w)
    deviation = torch.sqrt(groups.var(dim=0, unbiased=False) + 1e-8).mean(dim=(1, 2, 3))
    return deviation.view(1, -1).repeat(4, 1).view(n, 1, 1, 1).expand(n, 1, h, w)
