"""StyleGAN2 and StyleGAN2-ADA generators (Karras et al. 2020, arXiv:1912.04958 and 2006.06676).

Written from the papers' mathematics, with the tensor names of the published checkpoints. One choice is our own:
the modulated convolution scales its input by the style, convolves with the weight that all samples share, and
scales its output by the demodulation factor (the paper's section 2.2 read from left to right), so that no
sample ever needs a kernel of its own. The sums of squares that demodulation needs are kept per layer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.models import ops
from latentart.models.base import Generator, NoiseMode, Synthesizer, check_published
from latentart.models.mapping import MappingNetwork
from latentart.models.modulated import SharedConv

FAMILY = "stylegan2"
ARCHITECTURES = ("skip", "resnet", "orig")


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a StyleGAN2 generator."""

    z_dim: int
    c_dim: int
    w_dim: int
    embed_dim: int
    mapping_widths: tuple[int, ...]
    """Output width of each mapping layer."""
    widths: tuple[int, ...]
    """Feature maps of each block, from the constant upward."""
    img_channels: int
    architecture: str = "skip"
    init_res: tuple[int, int] = (4, 4)
    use_noise: bool = True
    conv_clamp: float | None = None
    mapping_lr_multiplier: float = 0.01
    joint_labels: bool = False
    """Whether z and class are normalised together, without scaling, as in the first StyleGAN2."""

    @property
    def num_ws(self) -> int:
        """One row for each convolution and one for the last toRGB."""
        return 2 * len(self.widths)

    def block_name(self, index: int) -> str:
        """b4, b8, ...: the names go by powers of two whatever the first size is."""
        return f"b{4 << index}"

    def block_size(self, index: int) -> tuple[int, int]:
        """(height, width) of a block."""
        return self.init_res[0] << index, self.init_res[1] << index

    def has_torgb(self, index: int) -> bool:
        """Skip models make a picture in every block, the others in the last."""
        return self.architecture == "skip" or index == len(self.widths) - 1


class StyledConv(SharedConv):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU (Karras et al. 2020, section 2.2)."""

    noise_const: Tensor
    resample_filter: Tensor

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int], up: bool, config: Config) -> None:
        super().__init__(inputs, outputs, 3, config.w_dim)
        self.up = up
        self.clamp = config.conv_clamp
        self.use_noise = config.use_noise
        self.register_buffer("resample_filter", ops.smooth())
        if config.use_noise:
            self.register_buffer("noise_const", ops.normal(*size))
            self.noise_strength = torch.nn.Parameter(torch.zeros([]))

    def demodulation(self, styles: Tensor) -> Tensor:
        """1 / norm of each modulated kernel: styles [N, inputs] -> [N, outputs]."""
        return (styles.square() @ self.squares().t() + 1e-8).rsqrt()

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Convolves, doubling the size in an up layer, and adds a bias [outputs]."""
        if not self.up:
            return F.conv2d(x, weight, bias, padding=1)
        # Doubling is a transposed convolution with the stored kernel, then the FIR filter.
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        return ops.filter2d(x, self.resample_filter, bias, gain=4.0)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        """x [N, inputs, H, W], w [N, w_dim], noise [1 or N, 1, H', W'] or None -> [N, outputs, H', W']."""
        styles = self.affine(w)
        # leaky_relu(x) * sqrt(2) is leaky_relu(x * sqrt(2)): the gain rides on factors that are small.
        scale, bias = self.demodulation(styles) * ops.SQRT2, self.bias * ops.SQRT2
        if self.scales_kernel(x, styles):
            x = self.convolve(x, self.weight * (scale.t() * styles)[:, :, None, None], bias)
        else:
            x = self.convolve(x * styles[:, :, None, None], self.weight)
            x = torch.addcmul(bias[:, None, None], x, scale[:, :, None, None])
        if noise is not None:
            x = x.add_(noise * (self.noise_strength * ops.SQRT2))
        return ops.clamped(F.leaky_relu_(x, 0.2), self.clamp)


class ToRGB(SharedConv):
    """Modulated 1x1 convolution to picture channels, without demodulation."""

    def __init__(self, inputs: int, config: Config) -> None:
        super().__init__(inputs, config.img_channels, 1, config.w_dim)
        self.clamp = config.conv_clamp
        self.gain = 1 / math.sqrt(inputs)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x [N, inputs, H, W], w [N, w_dim] -> [N, img_channels, H, W]."""
        styles = self.affine(w) * self.gain
        if torch.compiler.is_compiling():
            # Runtimes of exported graphs prepare constant kernels ahead.
            return ops.clamped(F.conv2d(x * styles[:, :, None, None], self.weight, self.bias), self.clamp)
        # A 1x1 convolution is a matrix product, in which every sample may have its own few weights.
        kernels = self.weight.flatten(1) * styles[:, None]  # [N, img_channels, inputs]
        rgb = torch.baddbmm(self.bias, x.flatten(2).transpose(1, 2), kernels.transpose(1, 2))
        return ops.clamped(rgb.transpose(1, 2).reshape(len(x), -1, *x.shape[2:]), self.clamp)


class Skip(torch.nn.Module):
    """The shortcut of the resnet architecture: 1x1 convolution and doubling, no bias."""

    resample_filter: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(ops.normal(outputs, inputs, 1, 1))
        self.gain = 1 / math.sqrt(inputs)
        self.register_buffer("resample_filter", ops.smooth())

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, 2H, 2W]."""
        return ops.upsample2(F.conv2d(x, self.weight * self.gain), self.resample_filter)


class Block(torch.nn.Module):
    """One resolution: conv0 doubles the size (not in the first block), conv1 refines, toRGB paints."""

    resample_filter: Tensor

    def __init__(self, index: int, config: Config) -> None:
        super().__init__()
        outputs, size = config.widths[index], config.block_size(index)
        inputs = config.widths[index - 1]
        self.first = index == 0
        self.resnet = config.architecture == "resnet" and not self.first
        self.register_buffer("resample_filter", ops.smooth())
        if self.first:
            self.const = torch.nn.Parameter(ops.normal(outputs, *size))
        else:
            self.conv0 = StyledConv(inputs, outputs, size, True, config)
        self.conv1 = StyledConv(outputs, outputs, size, False, config)
        self.torgb = ToRGB(outputs, config) if config.has_torgb(index) else None
        if self.resnet:
            self.skip = Skip(inputs, outputs)

    def features(self, x: Tensor | None, ws: Tensor, noise: Mapping[str, Tensor | None]) -> Tensor:
        """Feature maps of this block; ws [N, 1 or 2, w_dim] are the rows of its convolutions."""
        if x is None:
            start = self.const.expand(ws.shape[0], -1, -1, -1)
            return self.conv1(start, ws[:, 0], noise["conv1"])  # type: ignore[no-any-return]
        y = self.conv1(self.conv0(x, ws[:, 0], noise["conv0"]), ws[:, 1], noise["conv1"])
        return (self.skip(x) + y) * math.sqrt(0.5) if self.resnet else y  # type: ignore[no-any-return]

    def picture(self, img: Tensor | None, x: Tensor, w: Tensor) -> Tensor | None:
        """The picture so far, doubled, plus what this block adds to it."""
        if img is not None:
            img = ops.upsample2(img, self.resample_filter)
        if self.torgb is None:
            return img
        rgb: Tensor = self.torgb(x, w)
        return rgb if img is None else img + rgb


class SynthesisNetwork(Synthesizer):
    """ws to image: a chain of blocks, each twice the size of the last."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.names = [config.block_name(i) for i in range(len(config.widths))]
        self.use_noise = config.use_noise
        for index, name in enumerate(self.names):
            self.add_module(name, Block(index, config))

    @property
    def blocks(self) -> list[Block]:
        """Synthesis blocks from the learned constant to the full resolution."""
        return [self.get_submodule(name) for name in self.names]  # type: ignore[misc]

    def layers(self) -> dict[str, StyledConv]:
        """Name ('b8.conv0') -> layer, in the order of the rows of ws."""
        found = {}
        for name, block in zip(self.names, self.blocks, strict=True):
            if not block.first:
                found[f"{name}.conv0"] = block.conv0
            found[f"{name}.conv1"] = block.conv1
        return found

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
        **published: Any,
    ) -> Tensor:
        """[N, num_ws, w_dim] -> [N, C, H, W]."""
        check_published(published)
        blocks = self.blocks
        maps = self.noise_maps(len(ws), noise_mode, noise or {})
        ws = ws.to(blocks[0].const.dtype)
        x = img = None
        row = 0
        for name, block in zip(self.names, blocks, strict=True):
            rows = 1 if block.first else 2
            own = {key: maps.get(f"{name}.{key}") for key in ("conv0", "conv1")}
            x = block.features(x, ws[:, row : row + rows], own)
            row += rows
            # toRGB reads the row that the next block's conv0 reads too.
            img = block.picture(img, x, ws[:, row])
        assert img is not None
        return img

    def noise_maps(self, batch: int, mode: NoiseMode, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Layer name -> [1 or N, 1, H, W], as in `Synthesizer.forward`."""
        if mode == "none" or not self.use_noise:
            return {}
        maps = {}
        for name, layer in self.layers().items():
            stored = layer.noise_const
            if name in given:
                values = given[name].to(stored)
                maps[name] = values if values.ndim == 4 else values[None, None]
            elif mode == "const":
                maps[name] = stored[None, None]
            else:
                maps[name] = torch.randn(batch, 1, *stored.shape, device=stored.device, dtype=stored.dtype)
        return maps


class StyleGAN2(Generator):
    """A StyleGAN2 generator of any published shape; see `Config`."""

    mapping: MappingNetwork
    synthesis: SynthesisNetwork

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.family = FAMILY
        self.z_dim, self.c_dim, self.w_dim, self.num_ws = config.z_dim, config.c_dim, config.w_dim, config.num_ws
        self.img_size = config.block_size(len(config.widths) - 1)
        self.img_channels = config.img_channels
        self.mapping = MappingNetwork(config)
        self.synthesis = SynthesisNetwork(config)
        sizes = {n: tuple(layer.noise_const.shape) for n, layer in self.synthesis.layers().items() if layer.use_noise}
        self.noise_shapes = sizes  # type: ignore[assignment]

    @property
    def sizes(self) -> list[int]:
        """Longer sides at which `lower` can draw: each block's own where pictures are summed over resolutions."""
        if self.config.architecture != "skip":
            return [self.img_resolution]
        return [max(self.config.block_size(i)) for i in range(len(self.config.widths))]

    def lower(self, ws: Tensor, size: int, noise: Mapping[str, Tensor] | None = None) -> Tensor:
        """See `Generator.lower`. Karras et al. 2020 (arXiv:1912.04958, section 4.1) sum a picture over resolutions.

        So every resolution has one: not the downsampled full picture, only close to it.
        """
        if size >= self.img_resolution:
            return super().lower(ws, size, noise)
        blocks = list(zip(self.synthesis.names, self.synthesis.blocks, strict=True))
        maps = self.synthesis.noise_maps(len(ws), "const", noise or {})
        x = img = None
        row = 0
        for name, block in blocks[: self.sizes.index(size) + 1]:
            rows = 1 if block.first else 2
            x = block.features(x, ws[:, row : row + rows], {k: maps.get(f"{name}.{k}") for k in ("conv0", "conv1")})
            row += rows
            img = block.picture(img, x, ws[:, row])
        assert img is not None
        return img
