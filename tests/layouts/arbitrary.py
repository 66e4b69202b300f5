"""Arbitrary style: random files of AdaIN, WCT and MicroAST in their own layouts, and each network spelled out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from .cartoons import Dice

Tensors = dict[str, Tensor]
Files = dict[str, Tensors]
BLOCKS = (2, 2, 4, 4, 4)


def vgg(widths: tuple[int, ...], last: str = "5_4") -> nn.Sequential:
    """VGG-19 as Torch's converter writes it: a 1x1 convolution, then pad, convolution, ReLU, pooling by ceil."""
    found: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
    before = 3
    for block, (count, width) in enumerate(zip(BLOCKS, widths, strict=False), 1):
        for i in range(1, count + 1):
            found += [nn.ReflectionPad2d(1), nn.Conv2d(before, width, 3), nn.ReLU()]
            before = width
            if f"{block}_{i}" == last:
                return nn.Sequential(*found)
        found.append(nn.MaxPool2d(2, 2, ceil_mode=True))
    return nn.Sequential(*found)


def mirrored(encoder: nn.Sequential) -> nn.Sequential:
    """The decoder of an encoder: its layers backwards, poolings as enlargements, nothing after the last."""
    found: list[nn.Module] = []
    for layer in reversed(list(encoder)[1:]):
        if isinstance(layer, nn.Conv2d):
            outputs = layer.in_channels
            found += [nn.ReflectionPad2d(1), nn.Conv2d(layer.out_channels, outputs, 3), nn.ReLU()]
        elif isinstance(layer, nn.MaxPool2d):
            found.append(nn.Upsample(scale_factor=2))
    return nn.Sequential(*found[:-1])


def rolled(network: nn.Module, seed: int) -> nn.Module:
    """The network with weights that keep activations about the same size."""
    dice = Dice(seed)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.copy_(dice.weights(*layer.weight.shape, fan_in=layer.weight[0].numel()))
                layer.bias.copy_(dice.near(0, len(layer.bias)))  # type: ignore[union-attr,arg-type]
    return network.eval().requires_grad_(False)


def save(folder: Path, files: Files, ending: str = ".pth") -> Path:
    folder.mkdir(exist_ok=True)
    for name, tensors in files.items():
        torch.save(tensors, folder / f"{name}{ending}")
    return folder


# AdaIN (naoto0804)


def adain(widths: tuple[int, ...] = (8, 12, 16, 20, 20)) -> tuple[nn.Module, nn.Module, Files]:
    """(encoder to relu4_1, decoder, the two files; the encoder's goes on to relu5_4)."""
    whole = rolled(vgg(widths), 1)
    encoder = nn.Sequential(*list(whole.children())[:31])
    decoder = rolled(mirrored(encoder), 2)
    return encoder, decoder, {"vgg_normalised": whole.state_dict(), "decoder": decoder.state_dict()}


def adain_plays(encoder: nn.Module, decoder: nn.Module, content: Tensor, style: Tensor, alpha: float) -> Tensor:
    """Pictures [N, 3, H, W] in [0, 1] -> the same."""
    content_f, style_f = encoder(content), encoder(style)
    return decoder(alpha * adapted(content_f, style_f) + (1 - alpha) * content_f)


def adapted(content: Tensor, style: Tensor) -> Tensor:
    def mean_std(f: Tensor) -> tuple[Tensor, Tensor]:
        flat = f.reshape(*f.shape[:2], -1)
        return flat.mean(2)[..., None, None], (flat.var(2) + 1e-5).sqrt()[..., None, None]

    (mean, std), (style_mean, style_std) = mean_std(content), mean_std(style)
    return (content - mean) / std * style_std + style_mean


def coral(source: Tensor, target: Tensor) -> Tensor:
    """source, target [3, H, W] in [0, 1] -> source in target's colours."""

    def parts(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        flat = x.double().reshape(3, -1)
        mean, std = flat.mean(1, keepdim=True), flat.std(1, keepdim=True)
        scaled = (flat - mean) / std
        return scaled, scaled @ scaled.T + torch.eye(3).double(), mean, std

    def root(x: Tensor) -> Tensor:
        u, d, v = torch.linalg.svd(x)
        return u @ d.sqrt().diag() @ v

    (flat, own, _, _), (_, wanted, mean, std) = parts(source), parts(target)
    return (root(wanted) @ torch.linalg.inv(root(own)) @ flat * std + mean).reshape(source.shape).float()


# WCT


def wct(depths: tuple[int, ...], widths: tuple[int, ...] = (8, 12, 16, 20, 20)) -> tuple[dict[int, nn.Module], ...]:
    """(encoders, decoders) of pietrocarbo/deep-transfer, by depth."""
    encoders = {d: rolled(vgg(widths, f"{d}_1"), d) for d in depths}
    return encoders, {d: rolled(mirrored(e), 10 + d) for d, e in encoders.items()}  # type: ignore[arg-type]


def wct_files(encoders: Mapping[int, nn.Module], decoders: Mapping[int, nn.Module]) -> Files:
    found = {f"vgg_normalised_conv{d}_1": dict(e.state_dict()) for d, e in encoders.items()}
    return found | {f"feature_invertor_conv{d}_1": dict(e.state_dict()) for d, e in decoders.items()}


def wct_small_files(encoders: Mapping[int, nn.Module], decoders: Mapping[int, nn.Module]) -> Files:
    """The same weights as the 16 times smaller networks call them, with the layers that only training uses."""
    found: Files = {}
    for depth, encoder in encoders.items():
        names = ["conv0", *(f"conv{b}{i}" for b in range(1, 6) for i in range(1, BLOCKS[b - 1] + 1))]
        convs = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
        own = {f"{n}.{of}": getattr(c, of) for n, c in zip(names, convs, strict=False) for of in ("weight", "bias")}
        own |= {"conv11_aux.weight": torch.ones(8, 8, 1, 1), "conv11_aux.bias": torch.ones(8)}
        found[f"{depth}SE"] = {"model": own}  # type: ignore[dict-item]
        backwards = [layer for layer in decoders[depth].modules() if isinstance(layer, nn.Conv2d)]
        pairs = zip(reversed(names[1 : len(convs)]), backwards, strict=True)
        found[f"{depth}SD"] = {f"{n}.{of}": getattr(c, of) for n, c in pairs for of in ("weight", "bias")}
    return found


def wct_plays(
    encoders: Mapping[int, nn.Module], decoders: Mapping[int, nn.Module], content: Tensor, style: Tensor, alpha: float
) -> Tensor:
    """Pictures [1, 3, H, W] in [0, 1] -> the same, one level after the other."""
    for depth in sorted(encoders, reverse=True):
        c, s = encoders[depth](content)[0].double(), encoders[depth](style)[0].double()
        mixed = alpha * whiten_colour(c, s) + (1 - alpha) * c
        content = decoders[depth](mixed.to(content.dtype)[None])
    return content


def whiten_colour(c: Tensor, s: Tensor) -> Tensor:
    """Features [C, h, w] of content and style -> content's with the style's mean and covariance."""
    flat, styled = c.flatten(1), s.flatten(1)
    mean = styled.mean(1, keepdim=True)
    flat, styled = flat - flat.mean(1, keepdim=True), styled - mean
    for x, exponent in ((flat, -0.5), (styled, 0.5)):
        _, e, v = torch.linalg.svd(x @ x.T / (x.shape[1] - 1))
        keep = int((e >= 1e-5).sum())
        flat = v[:keep].T @ e[:keep].pow(exponent).diag() @ v[:keep] @ flat
    return (flat + mean).view(c.shape)


# MicroAST


def microast(width: int = 4) -> Files:
    """The four files, names as EndyWon/MicroAST saves them."""
    dice, w = Dice(7), width
    files: Files = {name: {} for name in ("content_encoder", "style_encoder", "modulator", "decoder")}

    def conv(file: str, name: str, inputs: int, outputs: int, size: int, groups: int = 1) -> None:
        shape = (outputs, inputs // groups, size, size)
        fan_in = inputs // groups * size * size
        files[file][f"{name}.conv_layer.weight"] = dice.weights(*shape, fan_in=fan_in)
        files[file][f"{name}.conv_layer.bias"] = dice.near(0, outputs)

    for file in ("content_encoder", "style_encoder"):
        for place, shape in ((0, (3, w, 9)), (2, (w, 2 * w, 3, w)), (4, (2 * w, 2 * w, 1))):
            conv(file, f"enc1.{place}", *shape)  # type: ignore[arg-type]
        conv(file, "enc1.6", 2 * w, 4 * w, 3, 2 * w)
        conv(file, "enc1.8", 4 * w, 4 * w, 1)
        for name in ("enc1.10.conv1", "enc1.10.conv2", "enc2.0.conv1", "enc2.0.conv2"):
            conv(file, name, 4 * w, 4 * w, 3)
    for name in ("weight1", "bias1", "weight2", "bias2"):
        conv("modulator", f"{name}.0", 4 * w, 4 * w, 3, 4 * w)
    for name in ("dec1.conv1", "dec1.conv2", "dec2.conv1", "dec2.conv2"):
        conv("decoder", name, 4 * w, 4 * w, 3)
    conv("decoder", "dec3.1", 4 * w, 2 * w, 3, 2 * w)
    conv("decoder", "dec3.3", 2 * w, 2 * w, 1)
    conv("decoder", "dec3.6", 2 * w, w, 3, w)
    conv("decoder", "dec3.8", w, w, 1)
    conv("decoder", "dec3.10", w, 3, 9)
    return files


def microast_plays(files: Files, content: Tensor, style: Tensor, alpha: float) -> Tensor:
    """Pictures [N, 3, H, W] in [0, 1] -> the same; every signal is `alpha` of the style's and the rest of the picture's
    own."""

    def conv(x: Tensor, file: str, name: str, stride: int = 1) -> Tensor:
        kernel, bias = files[file][f"{name}.conv_layer.weight"], files[file][f"{name}.conv_layer.bias"]
        x = F.pad(x, (kernel.shape[2] // 2,) * 4, mode="reflect")
        return F.conv2d(x, kernel, bias, stride, groups=x.shape[1] // kernel.shape[1])

    def block(x: Tensor, file: str, name: str) -> Tensor:
        return x + conv(F.relu(conv(x, file, f"{name}.conv1")), file, f"{name}.conv2")

    def encode(x: Tensor, file: str) -> tuple[Tensor, Tensor]:
        for place, stride in ((0, 1), (2, 2), (4, 1), (6, 2), (8, 1)):
            x = F.relu(conv(x, file, f"enc1.{place}", stride))
        first = block(x, file, "enc1.10")
        return first, block(first, file, "enc2.0")

    def played(x: Tensor, name: str, w: Tensor, b: Tensor) -> Tensor:
        inner = F.relu(w * conv(x, "decoder", f"{name}.conv1") + b * x)
        return x + (w * conv(inner, "decoder", f"{name}.conv2") + b * inner)

    def signals(img: Tensor) -> list[list[Tensor]]:
        """Mean, deviation, factor and bias at both depths."""
        found = []
        for i, s in enumerate(encode(img, "style_encoder"), 1):
            filters = [conv(s, "modulator", f"{of}{i}.0").mean((2, 3), keepdim=True) for of in ("weight", "bias")]
            found.append([s.mean((2, 3), keepdim=True), (s.var((2, 3), keepdim=True) + 1e-5).sqrt(), *filters])
        return found

    styles = [
        [alpha * s + (1 - alpha) * c for s, c in zip(theirs, own, strict=True)]
        for theirs, own in zip(signals(style), signals(content), strict=True)
    ]
    x = encode(content, "content_encoder")[1]
    for name, (mean, deviation, w, b) in (("dec1", styles[1]), ("dec2", styles[0])):
        x = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), keepdim=True) + 1e-5).sqrt() * deviation + mean
        x = played(x, name, w, b)
    for first, second in ((1, 3), (6, 8)):
        x = F.interpolate(x, scale_factor=2, mode="bilinear")
        x = F.relu(conv(F.relu(conv(x, "decoder", f"dec3.{first}")), "decoder", f"dec3.{second}"))
    return conv(x, "decoder", "dec3.10")
