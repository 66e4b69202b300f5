"""White-box, CartoonGAN and AnimeGANv2: random files in their own layouts, and each network spelled out plainly."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

Tensors = dict[str, Tensor]


class Dice:
    """Random tensors from a seed: weights that keep the size of what passes through them."""

    def __init__(self, seed: int = 0) -> None:
        self.random = torch.Generator().manual_seed(seed)

    def weights(self, *shape: int, fan_in: int) -> Tensor:
        return torch.randn(shape, generator=self.random) * (2 / fan_in) ** 0.5

    def near(self, value: float, count: int) -> Tensor:
        return value + 0.1 * torch.randn(count, generator=self.random)


# White-box Cartoonization: variables of TensorFlow, kernels [height, width, in, out], pictures [N, H, W, C].


def whitebox(seed: int = 0, width: int = 4, blocks: int = 2) -> Tensors:
    dice, w = Dice(seed), width
    shapes = [(7, 3, w), (3, w, w), (3, w, 2 * w), (3, 2 * w, 2 * w), (3, 2 * w, 4 * w), (3, 4 * w, 2 * w)]
    shapes += [(3, 2 * w, 2 * w), (3, 2 * w, w), (3, w, w), (7, w, 3)]
    named = {f"generator/Conv{f'_{i}' if i else ''}": shape for i, shape in enumerate(shapes)}
    named |= {f"generator/block_{i}/conv{k}": (3, 4 * w, 4 * w) for i in range(blocks) for k in (1, 2)}
    found = {}
    for name, (size, inputs, outputs) in named.items():
        found[f"{name}/weights"] = dice.weights(size, size, inputs, outputs, fan_in=size * size * inputs)
        found[f"{name}/biases"] = dice.near(0, outputs)
    return found


def whitebox_plays(v: Mapping[str, Tensor], photo: Tensor) -> Tensor:
    """photo [N, H, W, 3], BGR in [-1, 1] -> the same, filtered."""

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        return tf_conv(x, v[f"generator/{name}/weights"], stride) + v[f"generator/{name}/biases"]

    def lrelu(x: Tensor) -> Tensor:
        return torch.maximum(x, 0.2 * x)

    x0 = lrelu(conv(photo, "Conv"))
    x1 = lrelu(conv(lrelu(conv(x0, "Conv_1", 2)), "Conv_2"))
    x2 = lrelu(conv(lrelu(conv(x1, "Conv_3", 2)), "Conv_4"))
    for i in range(len([n for n in v if n.endswith("conv1/weights")])):
        x2 = conv(lrelu(conv(x2, f"block_{i}/conv1")), f"block_{i}/conv2") + x2
    x2 = lrelu(conv(x2, "Conv_5"))
    x3 = lrelu(conv(lrelu(conv(legacy_bilinear(x2) + x1, "Conv_6")), "Conv_7"))
    x4 = conv(lrelu(conv(legacy_bilinear(x3) + x0, "Conv_8")), "Conv_9")
    return tf_guided_filter(photo, x4, 1, 5e-3)


def tf_conv(x: Tensor, kernel: Tensor, stride: int = 1) -> Tensor:
    """x [N, H, W, C], padding SAME, one product for each place of the kernel."""
    size, (_, height, width, _) = kernel.shape[0], x.shape
    rows, columns = math.ceil(height / stride), math.ceil(width / stride)
    down, across = (max((n - 1) * stride + size - of, 0) for n, of in ((rows, height), (columns, width)))
    x = F.pad(x, (0, 0, across // 2, across - across // 2, down // 2, down - down // 2))
    total = torch.zeros(len(x), rows, columns, kernel.shape[3], dtype=x.dtype)
    for i in range(size):
        for j in range(size):
            part = x[:, i : i + rows * stride : stride, j : j + columns * stride : stride]
            total += part[:, :rows, :columns] @ kernel[i, j]
    return total


def legacy_bilinear(x: Tensor) -> Tensor:
    """x [N, H, W, C] twice as large: source = destination * 0.5, as TensorFlow 1."""
    for dim in (1, 2):
        size = x.shape[dim]
        source = torch.arange(2 * size) * 0.5
        lower = source.floor().long()
        share = (source - lower).view([-1 if d == dim else 1 for d in range(4)])
        upper = (lower + 1).clamp_max(size - 1)
        x = x.index_select(dim, lower) * (1 - share) + x.index_select(dim, upper) * share
    return x


def tf_guided_filter(x: Tensor, y: Tensor, r: int, eps: float) -> Tensor:
    """Guided filter over [N, H, W, C] with a box of ones, divided by how many of them count."""

    def summed(t: Tensor) -> Tensor:
        padded = F.pad(t, (0, 0, r, r, r, r))
        height, width = t.shape[1:3]
        return sum(padded[:, i : i + height, j : j + width] for i in range(2 * r + 1) for j in range(2 * r + 1))

    count = summed(torch.ones_like(x))
    mean_x, mean_y = summed(x) / count, summed(y) / count
    a = (summed(x * y) / count - mean_x * mean_y) / (summed(x * x) / count - mean_x * mean_x + eps)
    b = mean_y - a * mean_x
    return summed(a) / count * x + summed(b) / count


# CartoonGAN, as the PyTorch port names it.


def cartoongan(seed: int = 0, width: int = 4, blocks: int = 2) -> Tensors:
    dice, w, found = Dice(seed), width, {}

    def conv(name: str, inputs: int, outputs: int, size: int = 3, turned: bool = False) -> None:
        shape = (inputs, outputs) if turned else (outputs, inputs)
        found[f"{name}.weight"] = dice.weights(*shape, size, size, fan_in=inputs * size * size)
        found[f"{name}.bias"] = dice.near(0, outputs)

    def norm(name: str, count: int) -> None:
        found[f"{name}.scale"], found[f"{name}.shift"] = dice.near(1, count), dice.near(0, count)

    conv("conv01_1", 3, w, 7)
    for i, number in ((1, "02"), (2, "03")):
        conv(f"conv{number}_1", w * i, w * 2 * i)
        conv(f"conv{number}_2", w * 2 * i, w * 2 * i)
    for i in range(4, 4 + blocks):
        for k in (1, 2):
            conv(f"conv{i:02d}_{k}", 4 * w, 4 * w)
            norm(f"in{i:02d}_{k}", 4 * w)
    for i, number in ((2, "01"), (1, "02")):
        conv(f"deconv{number}_1", w * 2 * i, w * i, turned=True)
        conv(f"deconv{number}_2", w * i, w * i)
    conv("deconv03_1", w, 3, 7)
    for name, count in (
        ("01", w),
        ("02", 2 * w),
        ("03", 4 * w),
        (f"{4 + blocks:02d}", 2 * w),
        (f"{5 + blocks:02d}", w),
    ):
        norm(f"in{name}_1", count)
    return found


def cartoongan_plays(s: Mapping[str, Tensor], x: Tensor, padding: str) -> Tensor:
    """x [N, 3, H, W], BGR in [-1, 1] -> the same. padding: 'constant' or 'reflect' outside the residual blocks."""

    def conv(x: Tensor, name: str, stride: int = 1, mode: str = "reflect") -> Tensor:
        pad = s[f"{name}.weight"].shape[2] // 2
        return F.conv2d(F.pad(x, (pad,) * 4, mode=mode), s[f"{name}.weight"], s[f"{name}.bias"], stride)

    def inorm(x: Tensor, name: str) -> Tensor:
        flat = x.flatten(2)
        mean, var = flat.mean(2)[..., None, None], flat.var(2, unbiased=False)[..., None, None]
        scale, shift = s[f"{name}.scale"][:, None, None], s[f"{name}.shift"][:, None, None]
        return (x - mean) / (var + 1e-9).sqrt() * scale + shift

    def deconv(x: Tensor, name: str) -> Tensor:
        return F.conv_transpose2d(x, s[f"{name}.weight"], s[f"{name}.bias"], stride=2)[:, :, 1:, 1:]

    y = F.relu(inorm(conv(x, "conv01_1"), "in01_1"))
    for n in ("02", "03"):
        y = F.relu(inorm(conv(conv(y, f"conv{n}_1", 2, padding), f"conv{n}_2", 1, padding), f"in{n}_1"))
    last = 3
    while f"conv{last + 1:02d}_1.weight" in s:
        last += 1
        t = F.relu(inorm(conv(y, f"conv{last:02d}_1"), f"in{last:02d}_1"))
        y = inorm(conv(t, f"conv{last:02d}_2"), f"in{last:02d}_2") + y
    for i, n in enumerate(("01", "02")):
        y = conv(deconv(y, f"deconv{n}_1"), f"deconv{n}_2", 1, padding)
        y = F.relu(inorm(y, f"in{last + 1 + i:02d}_1"))
    return torch.tanh(conv(y, "deconv03_1"))


# AnimeGANv2, as bryandlee's port names it.


def animegan(seed: int = 0, width: int = 4, blocks: int = 4) -> Tensors:
    dice, w, found = Dice(seed), width, {}

    def layer(name: str, inputs: int, outputs: int, size: int = 3, groups: int = 1) -> None:
        fan_in = inputs // groups * size * size
        found[f"{name}.1.weight"] = dice.weights(outputs, inputs // groups, size, size, fan_in=fan_in)
        if groups > 1:
            found[f"{name}.1.bias"] = dice.near(0, outputs)
        found[f"{name}.2.weight"], found[f"{name}.2.bias"] = dice.near(1, outputs), dice.near(0, outputs)

    sizes = {"a": [(3, w, 7), (w, 2 * w), (2 * w, 2 * w)], "b": [(2 * w, 4 * w), (4 * w, 4 * w)]}
    sizes |= {"d": [(4 * w, 4 * w)] * 2, "e": [(4 * w, 2 * w), (2 * w, 2 * w), (2 * w, w, 7)]}
    for block, layers in sizes.items():
        for i, shape in enumerate(layers):
            layer(f"block_{block}.{i}", *shape)
    layer("block_c.0", 4 * w, 4 * w)
    for i in range(1, blocks + 1):
        inputs, name = (4 * w if i == 1 else 8 * w), f"block_c.{i}.layers"
        layer(f"{name}.0", inputs, 2 * inputs, 1)
        layer(f"{name}.1", 2 * inputs, 2 * inputs, 3, groups=2 * inputs)
        found[f"{name}.2.weight"] = dice.weights(8 * w, 2 * inputs, 1, 1, fan_in=2 * inputs)
        found[f"{name}.3.weight"], found[f"{name}.3.bias"] = dice.near(1, 8 * w), dice.near(0, 8 * w)
    layer(f"block_c.{blocks + 1}", 8 * w, 4 * w)
    found["out_layer.0.weight"] = dice.weights(3, w, 1, 1, fan_in=w)
    return found


def animegan_plays(s: Mapping[str, Tensor], img: Tensor, align_corners: bool) -> Tensor:
    """img [N, 3, H, W], RGB in [-1, 1] -> the same."""

    def gnorm(x: Tensor, name: str) -> Tensor:
        flat = x.flatten(1)
        mean, var = flat.mean(1).view(-1, 1, 1, 1), flat.var(1, unbiased=False).view(-1, 1, 1, 1)
        gain, bias = s[f"{name}.weight"][:, None, None], s[f"{name}.bias"][:, None, None]
        return (x - mean) / (var + 1e-5).sqrt() * gain + bias

    def layer(x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = s[f"{name}.1.weight"]
        pad = (0, 1, 0, 1) if stride == 2 else (kernel.shape[2] // 2,) * 4
        groups = x.shape[1] // kernel.shape[1]
        x = F.conv2d(F.pad(x, pad, mode="reflect"), kernel, s.get(f"{name}.1.bias"), stride, groups=groups)
        return F.leaky_relu(gnorm(x, f"{name}.2"), 0.2)

    def larger(x: Tensor, size: tuple[int, int]) -> Tensor:
        return F.interpolate(x, size, mode="bilinear", align_corners=align_corners)

    x = layer(layer(layer(img, "block_a.0"), "block_a.1", 2), "block_a.2")
    half = x.shape[-2:]
    x = layer(layer(layer(x, "block_b.0", 2), "block_b.1"), "block_c.0")
    number = 1
    while f"block_c.{number}.layers.2.weight" in s:
        name = f"block_c.{number}.layers"
        y = gnorm(F.conv2d(layer(layer(x, f"{name}.0"), f"{name}.1"), s[f"{name}.2.weight"]), f"{name}.3")
        x, number = (x + y if x.shape == y.shape else y), number + 1
    x = layer(x, f"block_c.{number}")
    for i in range(2):
        x = layer(larger(x, half) if i == 0 else x, f"block_d.{i}")
    for i in range(3):
        x = layer(larger(x, img.shape[-2:]) if i == 0 else x, f"block_e.{i}")
    return torch.tanh(F.conv2d(x, s["out_layer.0.weight"]))
