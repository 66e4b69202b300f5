"""Magenta's transformer and style network: random graphs of TensorFlow.js, and both spelled out plainly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .cartoons import Dice, tf_conv

Tensors = dict[str, Tensor]
STYLE = 10
BLOCKS = ((8, 1), (16, 2), (8, 1))
"""Projected channels and strides of the style network's first blocks, about."""


def write_tfjs(folder: Path, tensors: Tensors) -> Path:
    """A graph model: model.json and one shard."""
    folder.mkdir(parents=True, exist_ok=True)
    types = {torch.float32: ("float32", "<f4"), torch.int32: ("int32", "<i4")}
    weights = [{"name": n, "shape": list(t.shape), "dtype": types[t.dtype][0]} for n, t in tensors.items()]
    data = b"".join(t.numpy().astype(types[t.dtype][1]).tobytes() for t in tensors.values())
    (folder / "group1-shard1of1").write_bytes(data)
    manifest = [{"paths": ["group1-shard1of1"], "weights": weights}]
    (folder / "model.json").write_text(json.dumps({"modelTopology": {"node": []}, "weightsManifest": manifest}))
    return folder


def normed(dice: Dice, name: str, count: int, gain: str = "gamma") -> Tensors:
    parts = {gain: 1.0, "beta": 0.1, "moving_mean": 0.0}
    found = {f"{name}/BatchNorm/{part}": dice.near(value, count) for part, value in parts.items()}
    return found | {f"{name}/BatchNorm/moving_variance": dice.near(1, count).abs()}


def transformer(width: int = 4, blocks: int = 2, *, separable: bool = True) -> Tensors:
    dice, w = Dice(3), width
    found: Tensors = {"transformer/contract/Pad/paddings": torch.tensor([[0, 0], [4, 4], [4, 4], [0, 0]]).int()}
    for i, (size, a, b) in enumerate(((9, 3, w), (3, w, 2 * w), (3, 2 * w, 4 * w)), 1):
        name = f"transformer/contract/conv{i}"
        found[f"{name}/weights"] = dice.weights(size, size, a, b, fan_in=size * size * a)
        found |= normed(dice, name, b, "Const")
    places = [(f"residual/residual{i}", f"conv{k}", 3, 4 * w, 4 * w) for i in range(1, blocks + 1) for k in (1, 2)]
    places += [
        ("expand/conv1", "conv", 3, 4 * w, 2 * w),
        ("expand/conv2", "conv", 3, 2 * w, w),
        ("expand/conv3", "conv", 9, w, 3),
    ]
    for place, name, size, a, b in places:
        for part, value in (("Conv", 0.0), ("Conv_1", 1.0)):
            start = f"style_params/transformer/{place}/{name}/StyleNorm/{part}"
            found[f"{start}/weights"] = dice.weights(1, 1, STYLE, b, fan_in=STYLE)
            found[f"{start}/biases"] = dice.near(value, b)
        start = f"transformer/{place}"
        if separable:
            found[f"{start}/dilate_{name}/depthwise_weights"] = dice.weights(size, size, a, 1, fan_in=size * size)
            found[f"{start}/dilate_{name}/pointwise_weights"] = dice.weights(1, 1, a, b, fan_in=a)
        else:
            found[f"{start}/{name}/weights"] = dice.weights(size, size, a, b, fan_in=size * size * a)
    return found


def encoder() -> Tensors:
    """MobileNetV2 of four blocks, one of them with stride 2 and one with a shortcut."""
    dice, before = Dice(4), 8
    found = {"MobilenetV2/Conv/weights": dice.weights(3, 3, 3, before, fan_in=27)} | normed(dice, "MobilenetV2/Conv", 8)
    for i, narrow in enumerate((6, 8, 8, 12)):
        name, wide = f"MobilenetV2/expanded_conv{f'_{i}' if i else ''}", before if i == 0 else before * 3
        if i:
            found[f"{name}/expand/weights"] = dice.weights(1, 1, before, wide, fan_in=before)
            found |= normed(dice, f"{name}/expand", wide)
        found[f"{name}/depthwise/depthwise_weights"] = dice.weights(3, 3, wide, 1, fan_in=9)
        found[f"{name}/project/weights"] = dice.weights(1, 1, wide, narrow, fan_in=wide)
        found |= normed(dice, f"{name}/depthwise", wide) | normed(dice, f"{name}/project", narrow)
        before = narrow
    found["MobilenetV2/Conv_1/weights"] = dice.weights(1, 1, before, 24, fan_in=before)
    found["mobilenet_conv/Conv/weights"] = dice.weights(1, 1, 24, STYLE, fan_in=24)
    found["mobilenet_conv/Conv/biases"] = dice.near(0, STYLE)
    return (
        found
        | normed(dice, "MobilenetV2/Conv_1", 24)
        | {"bottleneck/Mean/reduction_indices": torch.tensor([1, 2]).int()}
    )


def depthwise(x: Tensor, kernel: Tensor, stride: int = 1) -> Tensor:
    """x [N, H, W, C], each channel with its own [h, w] of kernel [h, w, C, 1], padding SAME."""
    return torch.cat([tf_conv(x[..., [c]], kernel[:, :, [c]], stride) for c in range(x.shape[3])], dim=3)


def batch_norm(v: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    gain = v.get(f"{name}/BatchNorm/gamma", v.get(f"{name}/BatchNorm/Const"))
    mean, variance = v[f"{name}/BatchNorm/moving_mean"], v[f"{name}/BatchNorm/moving_variance"]
    return (x - mean) / (variance + 1e-3).sqrt() * gain + v[f"{name}/BatchNorm/beta"]


def encoder_plays(v: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """x [N, H, W, 3] in [0, 1] -> styles [N, STYLE]."""

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        return batch_norm(v, name, tf_conv(x, v[f"{name}/weights"], stride))

    def relu6(x: Tensor) -> Tensor:
        return x.clamp(0, 6)

    x = relu6(conv(x, "MobilenetV2/Conv", 2))
    for i in range(4):
        name, before = f"MobilenetV2/expanded_conv{f'_{i}' if i else ''}", x
        if i:
            x = relu6(conv(x, f"{name}/expand"))
        stride = 2 if i in (1, 3) else 1
        x = depthwise(x, v[f"{name}/depthwise/depthwise_weights"], stride)
        x = conv(relu6(batch_norm(v, f"{name}/depthwise", x)), f"{name}/project")
        x = x + before if x.shape == before.shape else x
    x = relu6(conv(x, "MobilenetV2/Conv_1")).mean((1, 2))
    return x @ v["mobilenet_conv/Conv/weights"][0, 0] + v["mobilenet_conv/Conv/biases"]


def transformer_plays(v: Mapping[str, Tensor], x: Tensor, style: Tensor) -> Tensor:
    """x [N, H, W, 3] in [0, 1], style [N, STYLE] -> the same as x."""

    def valid(x: Tensor, kernel: Tensor, stride: int) -> Tensor:
        """Zeros of half the kernel on every side, then no padding."""
        pad = kernel.shape[0] // 2
        wide = F.pad(x, (0, 0, pad, pad, pad, pad)).permute(0, 3, 1, 2)
        return F.conv2d(wide, kernel.permute(3, 2, 0, 1), None, stride).permute(0, 2, 3, 1)

    def styled(x: Tensor, place: str, name: str) -> Tensor:
        if f"transformer/{place}/{name}/weights" in v:
            x = tf_conv(x, v[f"transformer/{place}/{name}/weights"])
        else:
            x = depthwise(x, v[f"transformer/{place}/dilate_{name}/depthwise_weights"])
            x = tf_conv(x, v[f"transformer/{place}/dilate_{name}/pointwise_weights"])
        start = f"style_params/transformer/{place}/{name}/StyleNorm"
        beta, gamma = (
            style @ v[f"{start}/{part}/weights"][0, 0] + v[f"{start}/{part}/biases"] for part in ("Conv", "Conv_1")
        )
        mean = x.mean((1, 2), keepdim=True)
        variance = (x - mean).square().mean((1, 2), keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * gamma[:, None, None] + beta[:, None, None]

    for i in (1, 2, 3):
        name = f"transformer/contract/conv{i}"
        x = F.relu(batch_norm(v, name, valid(x, v[f"{name}/weights"], 1 if i == 1 else 2)))
    i = 1
    while f"style_params/transformer/residual/residual{i}/conv1/StyleNorm/Conv/biases" in v:
        x, i = x + styled(F.relu(styled(x, f"residual/residual{i}", "conv1")), f"residual/residual{i}", "conv2"), i + 1
    for i in (1, 2):
        x = F.relu(styled(x.repeat_interleave(2, 1).repeat_interleave(2, 2), f"expand/conv{i}", "conv"))
    return torch.sigmoid(styled(x, "expand/conv3", "conv"))
