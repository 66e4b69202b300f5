"""Fast style networks in the layouts of their origins, with random weights, and what those networks compute.

The computations are written out from the published descriptions, in double precision and apart from the package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

State = Mapping[str, Tensor]
Array = NDArray[np.float64]


def _random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Weights:
    """Random tensors by name: kernels that keep the size of what goes through, factors near 1, offsets near 0."""

    def __init__(self, seed: int) -> None:
        self.random, self.state = _random(seed), dict[str, Tensor]()

    def conv(self, name: str, *shape: int, bias: bool = True, gain: float = 1.0) -> None:
        """weight [out, in, k, k] (or as given) and bias."""
        fan = shape[1] * shape[2] * shape[3]
        self.state[f"{name}.weight"] = torch.randn(shape, generator=self.random) * (gain * (2 / fan) ** 0.5)
        if bias:
            self.state[f"{name}.bias"] = torch.randn(shape[0], generator=self.random) * 0.1

    def norm(self, name: str, width: int) -> None:
        """weight and bias [width]."""
        self.state[f"{name}.weight"] = 1 + 0.3 * torch.randn(width, generator=self.random)
        self.state[f"{name}.bias"] = 0.3 * torch.randn(width, generator=self.random)


def normalised(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Instance normalisation in plain arithmetic."""
    mean = x.mean((2, 3), keepdim=True)
    var = (x - mean).square().mean((2, 3), keepdim=True)
    return (x - mean) / (var + eps).sqrt() * weight[:, None, None] + bias[:, None, None]


def reflected(x: Tensor, state: State, name: str, stride: int = 1, groups: int = 1) -> Tensor:
    """Convolution over a reflected border."""
    weight, half = state[f"{name}.weight"], state[f"{name}.weight"].shape[-1] // 2
    return F.conv2d(F.pad(x, [half] * 4, mode="reflect"), weight, state.get(f"{name}.bias"), stride, groups=groups)


def doubled(x: Tensor) -> Tensor:
    """Each pixel four times."""
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def _norm(x: Tensor, state: State, name: str) -> Tensor:
    return normalised(x, state[f"{name}.weight"], state[f"{name}.bias"])


# pytorch/examples ------------------------------------------------------------------------------------------------


def examples_state(seed: int = 0, *, width: int = 8, blocks: int = 5, old: bool = False) -> dict[str, Tensor]:
    """pytorch/examples; `old` with the averages that its first checkpoints carry."""
    made, a, b, c = Weights(seed), width, 2 * width, 4 * width
    for i, (inputs, outputs, kernel) in enumerate([(3, a, 9), (a, b, 3), (b, c, 3)], 1):
        made.conv(f"conv{i}.conv2d", outputs, inputs, kernel, kernel)
        made.norm(f"in{i}", outputs)
    for i in range(1, blocks + 1):
        for k in (1, 2):
            made.conv(f"res{i}.conv{k}.conv2d", c, c, 3, 3)
            made.norm(f"res{i}.in{k}", c)
    for i, (inputs, outputs) in enumerate([(c, b), (b, a)], 1):
        made.conv(f"deconv{i}.conv2d", outputs, inputs, 3, 3)
        made.norm(f"in{i + 3}", outputs)
    made.conv("deconv3.conv2d", 3, a, 9, 9, gain=50)
    made.state["deconv3.conv2d.bias"] += 127
    if old:
        for name in [n[:-7] for n in made.state if n.endswith(".weight") and n.split(".")[-2].startswith("in")]:
            made.state |= {f"{name}.running_mean": torch.zeros(3), f"{name}.running_var": torch.ones(3)}
    return made.state


def examples(state: State, x: Tensor) -> Tensor:
    """RGB [N, 3, H, W] in 0 .. 255 -> the same."""
    for i, stride in enumerate((1, 2, 2), 1):
        x = F.relu(_norm(reflected(x, state, f"conv{i}.conv2d", stride), state, f"in{i}"))
    for i in range(1, sum(name.endswith("in1.weight") for name in state)):
        inner = F.relu(_norm(reflected(x, state, f"res{i}.conv1.conv2d"), state, f"res{i}.in1"))
        x = x + _norm(reflected(inner, state, f"res{i}.conv2.conv2d"), state, f"res{i}.in2")
    for i in (1, 2):
        x = F.relu(_norm(reflected(doubled(x), state, f"deconv{i}.conv2d"), state, f"in{i + 3}"))
    return reflected(x, state, "deconv3.conv2d")


# rrmina ----------------------------------------------------------------------------------------------------------


def rrmina_state(seed: int = 0, *, width: int = 8, blocks: int = 5, tanh: bool = False) -> dict[str, Tensor]:
    """rrmina/fast-neural-style-pytorch; with tanh the last layer is small."""
    made, a, b, c = Weights(seed), width, 2 * width, 4 * width
    for i, (inputs, outputs, kernel) in zip((0, 2, 4), [(3, a, 9), (a, b, 3), (b, c, 3)], strict=True):
        made.conv(f"ConvBlock.{i}.conv_layer", outputs, inputs, kernel, kernel)
        made.norm(f"ConvBlock.{i}.norm_layer", outputs)
    for i in range(blocks):
        for k in (1, 2):
            made.conv(f"ResidualBlock.{i}.conv{k}.conv_layer", c, c, 3, 3)
            made.norm(f"ResidualBlock.{i}.conv{k}.norm_layer", c)
    for i, (inputs, outputs) in zip((0, 2), [(c, b), (b, a)], strict=True):
        made.conv(f"DeconvBlock.{i}.conv_transpose", inputs, outputs, 3, 3)
        made.state[f"DeconvBlock.{i}.conv_transpose.bias"] = torch.randn(outputs, generator=made.random) * 0.1
        made.norm(f"DeconvBlock.{i}.norm_layer", outputs)
    made.conv("DeconvBlock.4.conv_layer", 3, a, 9, 9, gain=0.5 if tanh else 50)
    made.state["DeconvBlock.4.conv_layer.bias"] += 0 if tanh else 127
    return made.state


def rrmina(state: State, x: Tensor, *, tanh: bool = False) -> Tensor:
    """RGB in 0 .. 255 -> the same; the network itself sees and makes BGR."""
    x = x.flip(1)
    for i, stride in zip((0, 2, 4), (1, 2, 2), strict=True):
        name = f"ConvBlock.{i}"
        x = F.relu(_norm(reflected(x, state, f"{name}.conv_layer", stride), state, f"{name}.norm_layer"))
    for i in range(sum(name.endswith("conv1.conv_layer.weight") for name in state)):
        name = f"ResidualBlock.{i}.conv"
        inner = F.relu(_norm(reflected(x, state, f"{name}1.conv_layer"), state, f"{name}1.norm_layer"))
        x = x + _norm(reflected(inner, state, f"{name}2.conv_layer"), state, f"{name}2.norm_layer")
    for i in (0, 2):
        x = F.relu(
            _norm(_transposed(x, state, f"DeconvBlock.{i}.conv_transpose"), state, f"DeconvBlock.{i}.norm_layer")
        )
    x = reflected(x, state, "DeconvBlock.4.conv_layer")
    return (torch.tanh(x) * 150 if tanh else x).flip(1)


def _transposed(x: Tensor, state: State, name: str) -> Tensor:
    """Stride 2, padding 1, output padding 1: every pixel adds a kernel around twice its place."""
    weight = state[f"{name}.weight"]
    full = x.new_zeros(len(x), weight.shape[1], 2 * x.shape[2] + 2, 2 * x.shape[3] + 2)
    for row in range(3):
        for column in range(3):
            part = torch.einsum("nihw,io->nohw", x, weight[:, :, row, column])
            full[:, :, row : row + 2 * x.shape[2] : 2, column : column + 2 * x.shape[3] : 2] += part
    return full[:, :, 1:-1, 1:-1] + state[f"{name}.bias"][:, None, None]


# lengstrom, ml5 --------------------------------------------------------------------------------------------------


def tensorflow_state(seed: int = 0, *, width: int = 8, blocks: int = 5, training: bool = False) -> dict[str, Tensor]:
    """Variable .. of lengstrom: per layer weights, shift, scale; `training` with Adam's own variables."""
    random, a, b, c = _random(seed), width, 2 * width, 4 * width
    layers = [(9, 3, a), (3, a, b), (3, b, c), *[(3, c, c)] * (2 * blocks), (3, b, c), (3, a, b), (9, a, 3)]
    tensors: list[Tensor] = []
    for kernel, third, fourth in layers:  # of transposed ones: outputs, inputs
        width = third if (third, fourth) in ((b, c), (a, b)) and len(tensors) > 3 * 3 else fourth
        tensors.append(torch.randn(kernel, kernel, third, fourth, generator=random) * 0.1)
        tensors.append(torch.randn(width, generator=random) * 0.3)
        tensors.append(1 + torch.randn(width, generator=random) * 0.3)
    made = {f"Variable_{i}" if i else "Variable": tensor for i, tensor in enumerate(tensors)}
    if training:
        made |= {f"{name}_Adam{end}": tensor for name, tensor in list(made.items()) for end in ("", "_1")}
        made |= {"beta1_power": torch.tensor(0.9), "beta2_power": torch.tensor(0.9), "global_step": torch.tensor(7)}
    return made


def same_conv(x: Array, weight: Array, stride: int) -> Array:
    """TensorFlow's conv2d with 'SAME': x [H, W, in], weight [k, k, in, out]; an odd zero goes below and right."""
    kernel, (height, width) = len(weight), (-(-side // stride) for side in x.shape[:2])
    missing = [max((n - 1) * stride + kernel - side, 0) for n, side in zip((height, width), x.shape[:2], strict=True)]
    padded = np.pad(x, [(m // 2, m - m // 2) for m in missing] + [(0, 0)])
    out = np.zeros((height, width, weight.shape[3]))
    for row in range(kernel):
        for column in range(kernel):
            window = padded[row : row + stride * height : stride, column : column + stride * width : stride]
            out += window[:height, :width] @ weight[row, column]
    return out


def same_transpose(x: Array, weight: Array) -> Array:
    """TensorFlow's conv2d_transpose, stride 2, 'SAME': the gradient of `same_conv`; weight [3, 3, out, in]."""
    height, width = x.shape[:2]
    full = np.zeros((2 * height + 1, 2 * width + 1, weight.shape[2]))
    for row in range(3):
        for column in range(3):
            full[row : row + 2 * height : 2, column : column + 2 * width : 2] += x @ weight[row, column].T
    return full[: 2 * height, : 2 * width]


def tensorflow(state: State, x: Tensor) -> Tensor:
    """RGB [1, 3, H, W] in 0 .. 255 -> the same."""
    named = [name for name in state if name == "Variable" or (name.split("_")[-1].isdigit() and "Adam" not in name)]
    arrays = [state[name].double().numpy() for name in named]
    layers = [arrays[i : i + 3] for i in range(0, len(arrays), 3)]
    y = x[0].double().permute(1, 2, 0).numpy()
    for layer, stride in zip(layers[:3], (1, 2, 2), strict=True):
        y = np.maximum(_shifted(same_conv(y, layer[0], stride), layer), 0)
    for i in range(3, len(layers) - 3, 2):
        inner = np.maximum(_shifted(same_conv(y, layers[i][0], 1), layers[i]), 0)
        y = y + _shifted(same_conv(inner, layers[i + 1][0], 1), layers[i + 1])
    for layer in layers[-3:-1]:
        y = np.maximum(_shifted(same_transpose(y, layer[0]), layer), 0)
    y = np.tanh(_shifted(same_conv(y, layers[-1][0], 1), layers[-1])) * 150 + 255 / 2
    return torch.from_numpy(y).permute(2, 0, 1)[None]


def _shifted(y: Array, layer: list[Array]) -> Array:
    """Instance normalisation with eps 1e-3, then scale and shift."""
    mean, var = y.mean((0, 1)), y.var((0, 1))
    return np.asarray(layer[2] * (y - mean) / np.sqrt(var + 1e-3) + layer[1])


def write_ml5(folder: Path, tensors: State) -> Path:
    """The folder of ml5: manifest.json and a file of raw numbers for each variable."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensor in tensors.items():
        (folder / name).write_bytes(tensor.float().numpy().astype("<f4").tobytes())
    manifest = {name: {"filename": name, "shape": list(tensor.shape)} for name, tensor in tensors.items()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


# mmalotin --------------------------------------------------------------------------------------------------------


def mobile_state(seed: int = 0, *, width: int = 8, blocks: int = 5) -> dict[str, Tensor]:
    """mmalotin/pytorch-fast-neural-style-mobilenetV2."""
    made, a, b, c = Weights(seed), width, 2 * width, 4 * width
    made.conv("conv1", a, 3, 9, 9, bias=False)
    made.norm("in1", a)
    for name, inputs, outputs in _bottlenecks(a, b, c, blocks):
        made.conv(f"{name}.conv1", inputs, inputs, 1, 1, bias=False)
        made.conv(f"{name}.conv2", inputs, 1, 3, 3, bias=False)
        made.conv(f"{name}.conv3", outputs, inputs, 1, 1, bias=False)
        for k, channels in ((1, inputs), (2, inputs), (3, outputs)):
            made.norm(f"{name}.in{k}", channels)
    made.conv("conv4", 3, a, 9, 9, bias=False, gain=50)
    return made.state


def _bottlenecks(a: int, b: int, c: int, blocks: int) -> list[tuple[str, int, int]]:
    inner = [(f"res{i}", c, c) for i in range(1, blocks + 1)]
    return [("conv2", a, b), ("conv3", b, c), *inner, ("upconv1.conv1", c, b), ("upconv2.conv1", b, a)]


def mobile(state: State, x: Tensor) -> Tensor:
    """RGB in 0 .. 255 -> the same."""

    def bottleneck(x: Tensor, name: str, stride: int = 1) -> Tensor:
        y = F.relu6(_norm(reflected(x, state, f"{name}.conv1"), state, f"{name}.in1"))
        y = F.relu6(_norm(reflected(y, state, f"{name}.conv2", stride, groups=y.shape[1]), state, f"{name}.in2"))
        y = _norm(reflected(y, state, f"{name}.conv3"), state, f"{name}.in3")
        return x + y if y.shape == x.shape else y

    x = F.relu(_norm(reflected(x, state, "conv1"), state, "in1"))
    x = bottleneck(bottleneck(x, "conv2", 2), "conv3", 2)
    for i in range(1, 1 + sum(name.startswith("res") and name.endswith("conv1.weight") for name in state)):
        x = bottleneck(x, f"res{i}")
    for i in (1, 2):
        x = F.relu(bottleneck(doubled(x), f"upconv{i}.conv1"))
    return reflected(x, state, "conv4")


# many styles -----------------------------------------------------------------------------------------------------


def mosaic_state(seed: int = 0, *, styles: int = 4, width: int = 8, blocks: int = 2) -> dict[str, Tensor]:
    """The names of the 26-style network's ONNX file."""
    made, random = Weights(seed), _random(seed + 1)
    shapes = {"contract.0": (width, 3, 9), "contract.1": (width, width, 3), "contract.2": (width, width, 3)}
    shapes |= {f"res.{i}.{k}": (width, width, 3) for i in range(blocks) for k in (0, 1)}
    shapes |= {"expand.0": (width // 2, width, 3), "expand.1": (4, width // 2, 3), "expand.2": (3, 4, 9)}
    for name, (outputs, inputs, kernel) in shapes.items():
        made.conv(name, outputs, inputs, kernel, kernel, bias=False)
        made.state[f"{name}.w"] = made.state.pop(f"{name}.weight")
        made.state[f"{name}.norm.gamma"] = 1 + 0.3 * torch.randn(styles, outputs, generator=random)
        made.state[f"{name}.norm.beta"] = 0.3 * torch.randn(styles, outputs, generator=random)
    return made.state


def mosaic(state: State, x: Tensor, style: Tensor) -> Tensor:
    """RGB [1, 3, H, W] in 0 .. 1 -> the same, in the style of these shares [styles]."""

    def styled(x: Tensor, name: str, stride: int = 1) -> Tensor:
        y = reflected(x, {"w.weight": state[f"{name}.w"]}, "w", stride)
        gamma, beta = (style[:, None] * state[f"{name}.norm.{part}"] for part in ("gamma", "beta"))
        return normalised(y, gamma.sum(0), beta.sum(0))

    for i, stride in enumerate((1, 2, 2)):
        x = F.relu(styled(x, f"contract.{i}", stride))
    for i in range(len({name.split(".")[1] for name in state if name.startswith("res")})):
        x = x + styled(F.relu(styled(x, f"res.{i}.0")), f"res.{i}.1")
    for i in (0, 1):
        x = F.relu(styled(doubled(x), f"expand.{i}"))
    return torch.sigmoid(styled(x, "expand.2"))
