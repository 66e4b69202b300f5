"""The networks of pix2pix's relatives with random weights, layer by layer as published, in PyTorch's own layers.

Their `state_dict` is what a file of that project holds. Nothing of latentart's networks is used.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Skip(nn.Module):
    """A level of pytorch-CycleGAN-and-pix2pix's U-Net; the innermost ones are made first."""

    def __init__(
        self, outer: int, inner: int, within: nn.Module | None, norm: str, *, entry: int | None = None
    ) -> None:
        super().__init__()
        outermost, bias, inputs = entry is not None, norm == "instance", outer if entry is None else entry
        down = nn.Conv2d(inputs, inner, 4, 2, 1, bias=bias)
        up = nn.ConvTranspose2d(inner if within is None else 2 * inner, outer, 4, 2, 1, bias=bias or outermost)
        self.outermost = outermost
        if outermost:
            layers: list[Any] = [down, within, nn.ReLU(), up, nn.Tanh()]
        elif within is None:
            layers = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, made_norm(norm, outer)]
        else:
            before = [nn.LeakyReLU(0.2), down, made_norm(norm, inner), within]
            layers = [*before, nn.ReLU(), up, made_norm(norm, outer), nn.Dropout(0.5)]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made if self.outermost else torch.cat([x, made], 1)


class UNet(nn.Module):
    """unet_256 has 8 halvings, unet_128 has 7."""

    def __init__(self, halvings: int, width: int, norm: str = "batch", inputs: int = 3, outputs: int = 3) -> None:
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(halvings)]
        level: nn.Module | None = None
        for outer, inner in zip(reversed(widths[:-1]), reversed(widths[1:]), strict=True):
            level = Skip(outer, inner, level, norm)
        self.model = Skip(outputs, widths[0], level, norm, entry=inputs)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made


class ResnetBlock(nn.Module):
    """Of CycleGAN and of pix2pixHD."""

    def __init__(self, width: int, norm: str, bias: bool, dropout: bool) -> None:
        super().__init__()
        layers = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), made_norm(norm, width), nn.ReLU()]
        layers += [nn.Dropout(0.5)] if dropout else []
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=bias), made_norm(norm, width)]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.conv_block(x)
        return made


class ResNet(nn.Module):
    """CycleGAN's generator, and with more halvings pix2pixHD's GlobalGenerator, whose biases are always there."""

    def __init__(
        self, blocks: int, width: int, norm: str = "instance", *, inputs: int = 3, outputs: int = 3, halvings: int = 2,
        dropout: bool = False, bias: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        bias = norm == "instance" if bias is None else bias
        layers = start(inputs, width, norm, bias)
        for i in range(halvings):
            layers += halved(width << i, norm, bias)
        layers += [ResnetBlock(width << halvings, norm, bias, dropout) for _ in range(blocks)]
        for i in reversed(range(halvings)):
            layers += doubled(width << i, norm, bias)
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made


class LocalEnhancer(nn.Module):
    """pix2pixHD's `--netG local`."""

    def __init__(self, width: int, *, inputs: int = 3, halvings: int = 3, blocks: int = 2, enhancers: int = 1) -> None:
        super().__init__()
        whole = ResNet(blocks, width << enhancers, inputs=inputs, halvings=halvings).model
        self.model = nn.Sequential(*list(whole)[:-3])
        self.enhancers = enhancers
        for n in range(1, enhancers + 1):
            own = width << (enhancers - n)
            down = start(inputs, own, "instance", True) + halved(own, "instance", True)
            up: list[nn.Module] = [ResnetBlock(2 * own, "instance", True, False) for _ in range(3)]
            up += doubled(own, "instance", True)
            if n == enhancers:
                up += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]
            setattr(self, f"model{n}_1", nn.Sequential(*down))
            setattr(self, f"model{n}_2", nn.Sequential(*up))

    def forward(self, x: Tensor) -> Tensor:
        sizes = [x]
        for _ in range(self.enhancers):
            sizes.append(F.avg_pool2d(sizes[-1], 3, stride=2, padding=1, count_include_pad=False))
        made: Tensor = self.model(sizes[-1])
        for n in range(1, self.enhancers + 1):
            down, up = getattr(self, f"model{n}_1"), getattr(self, f"model{n}_2")
            made = up(down(sizes[self.enhancers - n]) + made)
        return made


def start(inputs: int, width: int, norm: str, bias: bool) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(inputs, width, 7, bias=bias), made_norm(norm, width), nn.ReLU()]


def halved(width: int, norm: str, bias: bool) -> list[nn.Module]:
    return [nn.Conv2d(width, 2 * width, 3, 2, 1, bias=bias), made_norm(norm, 2 * width), nn.ReLU()]


def doubled(width: int, norm: str, bias: bool) -> list[nn.Module]:
    up = nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1, bias=bias)
    return [up, made_norm(norm, width), nn.ReLU()]


def made_norm(norm: str, width: int) -> nn.Module:
    if norm == "none":
        return nn.Identity()
    return nn.BatchNorm2d(width) if norm == "batch" else nn.InstanceNorm2d(width)


def shaken(network: nn.Module, seed: int = 0) -> nn.Module:
    """With random weights of a size that keeps pictures alive, and stored averages of its own; dropout off.

    Batch norm stays in training mode: the batch of one picture is its statistics, as when pix2pix draws.
    """
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.ndim == 4:
                # Each output of a transposed convolution sees a quarter of its kernel.
                tensor.copy_(torch.randn(tensor.shape, generator=random) / (tensor[0].numel() / 3) ** 0.5)
            elif name.endswith("running_var"):
                tensor.copy_(torch.rand(tensor.shape, generator=random) + 0.5)
            elif tensor.is_floating_point():
                offset = 1.0 if name.endswith("weight") else 0.0
                tensor.copy_(offset + 0.2 * torch.randn(tensor.shape, generator=random))
    for layer in network.modules():
        layer.train(isinstance(layer, nn.BatchNorm2d))
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.0
    return network


def tensorflow_state(
    levels: int = 4, width: int = 4, *, inputs: int = 3, outputs: int = 3, seed: int = 0
) -> dict[str, Tensor]:
    """Variables of affinelayer's generator: kernels height, width, in, out (transposed ones: out, in)."""
    random = torch.Generator().manual_seed(seed)
    widths = [width * min(2**i, 8) for i in range(levels)]

    def some(*shape: int, scale: float = 0.2) -> Tensor:
        return torch.randn(*shape, generator=random) * scale

    made: dict[str, Tensor] = {}
    for i in range(levels):
        where, before, own = f"generator/encoder_{i + 1}", widths[i - 1] if i else inputs, widths[i]
        made |= {f"{where}/conv2d/kernel": some(4, 4, before, own), f"{where}/conv2d/bias": some(own)}
        made |= _tensorflow_norm(where, 1 + some(own), some(own)) if i else {}
    for i in reversed(range(levels)):
        where, after = f"generator/decoder_{i + 1}", widths[i - 1] if i else outputs
        entering = widths[i] * (1 if i == levels - 1 else 2)
        made[f"{where}/conv2d_transpose/kernel"] = some(4, 4, after, entering)
        made[f"{where}/conv2d_transpose/bias"] = some(after)
        made |= _tensorflow_norm(where, 1 + some(after), some(after)) if i else {}
    return made


def _tensorflow_norm(where: str, gamma: Tensor, beta: Tensor) -> dict[str, Tensor]:
    return {f"{where}/batch_normalization/gamma": gamma, f"{where}/batch_normalization/beta": beta}


def tensorflow_drawn(
    state: dict[str, Tensor], img: Tensor, *, encoder_biases: bool = True, eps: float = 1e-5
) -> Tensor:
    """img [N, C, H, W] through affinelayer's generator, written out by its variables. One picture at a time."""
    levels = sum("encoder" in name and "kernel" in name for name in state)
    found: list[Tensor] = []
    for i in range(1, levels + 1):
        where = f"generator/encoder_{i}"
        x = F.leaky_relu(found[-1], 0.2) if found else img
        bias = state[f"{where}/conv2d/bias"] if encoder_biases else None
        # TensorFlow's SAME for a kernel of 4 and stride 2 pads one pixel on every side.
        x = F.conv2d(F.pad(x, (1, 1, 1, 1)), state[f"{where}/conv2d/kernel"].permute(3, 2, 0, 1), bias, 2)
        found.append(_tensorflow_normed(x, state, where, eps) if i > 1 else x)
    x = found[-1]
    for i in range(levels, 0, -1):
        where = f"generator/decoder_{i}"
        x = x if i == levels else torch.cat([x, found[i - 1]], 1)
        kernel = state[f"{where}/conv2d_transpose/kernel"].permute(3, 2, 0, 1)
        x = F.conv_transpose2d(F.relu(x), kernel, state[f"{where}/conv2d_transpose/bias"], 2)[..., 1:-1, 1:-1]
        x = _tensorflow_normed(x, state, where, eps) if i > 1 else x
    return torch.tanh(x)


def _tensorflow_normed(x: Tensor, state: dict[str, Tensor], where: str, eps: float) -> Tensor:
    mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    gamma, beta = (state[f"{where}/batch_normalization/{part}"] for part in ("gamma", "beta"))
    return (x - mean) / (var + eps).sqrt() * gamma[:, None, None] + beta[:, None, None]


def pict(state: dict[str, Tensor]) -> tuple[bytes, dict[str, Tensor]]:
    """(a .pict file, the tensors as it holds them): 8 bits each, mu-law, scaled to the largest absolute value."""
    largest = max(float(t.abs().max()) for t in state.values())
    steps = np.linspace(-1, 1, 256)
    index = (np.sign(steps) * (256.0 ** np.abs(steps) - 1) / 255 * largest).astype("<f4")
    listed = [{"name": name, "shape": list(t.shape)} for name, t in state.items()]
    codes = [np.abs(t.numpy().reshape(-1, 1) - index).argmin(1).astype(np.uint8) for t in state.values()]
    kept = {n: torch.from_numpy(index[c].reshape(t.shape)) for (n, t), c in zip(state.items(), codes, strict=True)}
    return pict_of(json.dumps(listed).encode(), index.tobytes(), b"".join(c.tobytes() for c in codes)), kept


def pict_of(*blocks: bytes) -> bytes:
    """Blocks, each after its length."""
    return b"".join(struct.pack(">I", len(block)) + block for block in blocks)


def keras_names(state: dict[str, Tensor], levels: int, first: int = 1) -> dict[str, Tensor]:
    """The same variables under the names that Keras gives to layers, counted from `first`, with stored averages."""
    made: dict[str, Tensor] = {}
    encoders = [f"generator/encoder_{i}" for i in range(1, levels + 1)]
    decoders = [f"generator/decoder_{i}" for i in range(levels, 0, -1)]
    for i, (encoder, decoder) in enumerate(zip(encoders, decoders, strict=True), first):
        for part in ("kernel", "bias"):
            made[f"conv2d_{i}/{part}"] = state[f"{encoder}/conv2d/{part}"]
            made[f"conv2d_transpose_{i}/{part}"] = state[f"{decoder}/conv2d_transpose/{part}"]
    for i, where in enumerate([*encoders[1:], *decoders[:-1]], first):
        for part in ("gamma", "beta"):
            made[f"batch_normalization_{i}/{part}"] = state[f"{where}/batch_normalization/{part}"]
        channels = len(state[f"{where}/batch_normalization/beta"])
        made[f"batch_normalization_{i}/moving_mean"] = torch.zeros(channels)
        made[f"batch_normalization_{i}/moving_variance"] = torch.ones(channels)
    return made


def tfjs_folder(folder: Path, state: dict[str, Tensor]) -> Path:
    """A layers model of TensorFlow.js: one group and one shard for each layer, as the oldest converters wrote."""
    folder.mkdir()
    layers = sorted({name.partition("/")[0] for name in state})
    manifest = []
    for number, layer in enumerate(layers, 1):
        own = {name: t for name, t in state.items() if name.startswith(f"{layer}/")}
        weights = [{"name": name, "shape": list(t.shape), "dtype": "float32"} for name, t in own.items()]
        manifest.append({"paths": [f"group{number}-shard1of1"], "weights": weights})
        data = b"".join(t.contiguous().numpy().astype("<f4").tobytes() for t in own.values())
        (folder / f"group{number}-shard1of1").write_bytes(data)
    model = {"modelTopology": {"model_config": {}}, "weightsManifest": manifest}
    (folder / "model.json").write_text(json.dumps(model))
    return folder
