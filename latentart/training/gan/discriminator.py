"""The residual discriminator of StyleGAN2 (Karras et al. 2020, arXiv:1912.04958, section 4.1), trainable.

Minibatch deviation (Karras et al. 2018), classes by projection of a mapped label (Miyato and Koyama 2018). Tensor
names are those of the published discriminators: b64.fromrgb.weight, b64.conv0.weight, b4.fc.weight, mapping.fc0 ...
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import WeightsError
from latentart.models import ops

GROUP = 4
"""Pictures that minibatch deviation compares."""
MAPPING_LAYERS = 8
MAPPING_RATE = 0.01


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a discriminator. widths: feature maps of each block, from 4 upward."""

    widths: tuple[int, ...]
    img_channels: int
    c_dim: int = 0
    init_res: tuple[int, int] = (4, 4)
    mapping_layers: int = MAPPING_LAYERS
    conv_clamp: float | None = None

    @property
    def names(self) -> list[str]:
        """Blocks above the last, the largest first: b64, b32 ... b8."""
        return [f"b{4 << i}" for i in range(len(self.widths) - 1, 0, -1)]


class Conv(torch.nn.Module):
    """Convolution with equalised learning rate; smoothed and halved in a down layer, then leaky ReLU."""

    resample_filter: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, *, down: bool = False, bias: bool = True,
                 clamp: float | None = None) -> None:  # fmt: skip
        super().__init__()
        self.weight = torch.nn.Parameter(ops.normal(outputs, inputs, size, size))
        self.bias = torch.nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale, self.down, self.clamp = 1 / math.sqrt(inputs * size * size), down, clamp
        if down:
            self.register_buffer("resample_filter", ops.smooth())

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H, W] or half of that; without a bias there is no activation."""
        size = self.weight.shape[2]
        if self.bias is None:
            return F.conv2d(halved(x, self.resample_filter), self.weight * (self.scale * gain))
        # leaky_relu is linear in positive factors: its gain goes onto the weights, which are fewer than the pixels.
        factor = gain * ops.SQRT2
        weight, bias = self.weight * (self.scale * factor), self.bias * factor
        if self.down:
            x = smoothed(x, self.resample_filter)
        x = F.conv2d(x, weight, bias, stride=2 if self.down else 1, padding=0 if self.down else size // 2)
        return ops.clamped(F.leaky_relu(x, 0.2), None if self.clamp is None else self.clamp * gain)


def smoothed(x: Tensor, kernel: Tensor) -> Tensor:
    """The FIR filter before a stride-2 convolution without padding: [N, C, H, W] -> [N, C, H + 1, W + 1]."""
    return F.conv2d(x, kernel.to(x.dtype).expand(x.shape[1], 1, 4, 4), padding=2, groups=x.shape[1])


def halved(x: Tensor, kernel: Tensor) -> Tensor:
    """Half the size through the FIR filter."""
    return F.conv2d(x, kernel.to(x.dtype).expand(x.shape[1], 1, 4, 4), stride=2, padding=1, groups=x.shape[1])


class Block(torch.nn.Module):
    """Two convolutions, the second of which halves the size, beside a 1x1 shortcut."""

    def __init__(self, inputs: int, outputs: int, *, channels: int, clamp: float | None) -> None:
        super().__init__()
        self.fromrgb = Conv(channels, inputs, 1, clamp=clamp) if channels else None
        self.conv0 = Conv(inputs, inputs, 3, clamp=clamp)
        self.conv1 = Conv(inputs, outputs, 3, down=True, clamp=clamp)
        self.skip = Conv(inputs, outputs, 1, down=True, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs or channels, H, W] -> [N, outputs, H / 2, W / 2]."""
        if self.fromrgb is not None:
            x = self.fromrgb(x)
        gain = math.sqrt(0.5)
        made: Tensor = self.skip(x, gain) + self.conv1(self.conv0(x), gain)
        return made


class Epilogue(torch.nn.Module):
    """Minibatch deviation, 3x3 convolution and two dense layers: feature maps -> one number, or one per label unit."""

    def __init__(self, width: int, size: tuple[int, int], outputs: int, clamp: float | None) -> None:
        super().__init__()
        self.conv = Conv(width + 1, width, 3, clamp=clamp)
        self.fc = ops.Dense(width * size[0] * size[1], width)
        self.out = ops.Dense(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[N, width, h, w] -> [N, outputs]."""
        x = self.conv(torch.cat([x, deviation(x)], dim=1))
        # Flattened in NCHW order whatever the memory format is.
        made: Tensor = self.out(ops.lrelu(self.fc(x.flatten(1))))
        return made


def deviation(x: Tensor) -> Tensor:
    """Standard deviation over groups of pictures, averaged over all else: [N, C, H, W] -> [N, 1, H, W].

    Picture i belongs to group i modulo N / GROUP, as in the published implementations.
    """
    count, _, height, width = x.shape
    group = next(g for g in range(min(GROUP, count), 0, -1) if count % g == 0)
    y = x.float().reshape(group, count // group, -1)
    spread = (y - y.mean(dim=0)).square().mean(dim=0).add(1e-8).sqrt().mean(dim=1)
    return spread.to(x.dtype).repeat(group)[:, None, None, None].expand(-1, 1, height, width)


class LabelMapping(torch.nn.Module):
    """Label -> the direction in which its pictures are judged, [N, c_dim] -> [N, width], each of unit size."""

    def __init__(self, c_dim: int, width: int, layers: int) -> None:
        super().__init__()
        self.embed = ops.Dense(c_dim, width)
        self.names = [f"fc{i}" for i in range(layers)]
        for name in self.names:
            self.add_module(name, ops.Dense(width, width, lr_multiplier=MAPPING_RATE))

    def forward(self, c: Tensor) -> Tensor:
        """[N, c_dim] -> [N, width]."""
        x = ops.unit_rms(self.embed(c))
        for name in self.names:
            x = ops.lrelu(self.get_submodule(name)(x))
        return x


class Discriminator(torch.nn.Module):
    """Pictures -> logits, above 0 where a picture looks real."""

    def __init__(self, config: Config, *, checkpointing: bool = False) -> None:
        super().__init__()
        self.config, self.checkpointing = config, checkpointing
        widths = config.widths
        for i, name in zip(range(len(widths) - 1, 0, -1), config.names, strict=True):
            channels = config.img_channels if i == len(widths) - 1 else 0
            self.add_module(name, Block(widths[i], widths[i - 1], channels=channels, clamp=config.conv_clamp))
        outputs = widths[0] if config.c_dim else 1
        self.b4 = Epilogue(widths[0], config.init_res, outputs, config.conv_clamp)
        self.mapping = LabelMapping(config.c_dim, widths[0], config.mapping_layers) if config.c_dim else None

    def forward(self, img: Tensor, c: Tensor | None = None) -> Tensor:
        """img [N, C, H, W] in [-1, 1], c [N, c_dim] -> [N]."""
        x = img
        for name in self.config.names:
            block = self.get_submodule(name)
            if self.checkpointing and torch.is_grad_enabled():
                x = torch.utils.checkpoint.checkpoint(block, x, use_reentrant=False)  # type: ignore[attr-defined]
            else:
                x = block(x)
        x = self.b4(x)
        if self.mapping is None or c is None:
            return x.float().mean(dim=1)
        return (x * self.mapping(c)).float().sum(dim=1) / math.sqrt(x.shape[1])

    def highest(self) -> Iterator[torch.nn.Module]:
        """Layers from the picture downward, as Freeze-D counts them (Mo et al. 2020)."""
        for name in self.config.names:
            block = self.get_submodule(name)
            yield from (layer for layer in (block.fromrgb, block.conv0, block.conv1, block.skip) if layer is not None)

    def freeze(self, count: int) -> None:
        """The `count` layers nearest to the picture are not trained."""
        for _, layer in zip(range(count), self.highest(), strict=False):
            layer.requires_grad_(False)


def read_config(tensors: Mapping[str, Tensor], config: Mapping[str, object]) -> Config:
    """The shape of a stored discriminator. Raises WeightsError when it is none of this kind."""
    sizes = sorted({int(m[1]) for n in tensors if (m := re.match(r"b(\d{1,5})\.conv1\.weight$", n))})
    clamp = config.get("conv_clamp")
    try:
        widths = [tensors["b4.conv.weight"].shape[0], *(tensors[f"b{s}.conv0.weight"].shape[1] for s in sizes)]
        channels = tensors[f"b{sizes[-1]}.fromrgb.weight"].shape[1]
        inputs = tensors["b4.fc.weight"].shape[1] // widths[0]
    except (KeyError, IndexError) as error:
        raise WeightsError(f"no residual discriminator of StyleGAN2: {error} is not there") from error
    stored = config.get("init_res")
    init = (int(stored[0]), int(stored[1])) if isinstance(stored, (list, tuple)) else (math.isqrt(inputs),) * 2
    c_dim = tensors["mapping.embed.weight"].shape[1] if "mapping.embed.weight" in tensors else 0
    layers = len({n for n in tensors if re.fullmatch(r"mapping\.fc\d+\.weight", n)})
    return Config(tuple(widths), channels, c_dim, init, layers or MAPPING_LAYERS,
                  float(clamp) if isinstance(clamp, (int, float)) else None)  # fmt: skip
