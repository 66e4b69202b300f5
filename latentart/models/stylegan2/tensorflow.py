"""The variable names and arguments of StyleGAN2 and StyleGAN2-ADA for TensorFlow.

Kernels there are [height, width, in, out], and those of convolutions that double the size are turned by half a turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from latentart.errors import WeightsError

_USUAL = {
    "normalize_latents": True,
    "mapping_nonlinearity": "lrelu",
    "nonlinearity": "lrelu",
    "resample_kernel": [1, 3, 3, 1],
}
"""Arguments that have one supported value."""


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the variables are those of a generator: 'synthesis/8x8/...'."""
    return any(re.match(r"synthesis/\d+x\d+/", name) for name in tensors)


def converted(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The generator under NVIDIA's names for PyTorch. Raises WeightsError."""
    blocks = _blocks(tensors)
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        for new, changed in _rename(name, tensor, blocks):
            if new in renamed:
                raise WeightsError(f"two of its variables are {new!r} in StyleGAN2")
            renamed[new] = changed
    return renamed


def _blocks(names: Mapping[str, object]) -> dict[str, str]:
    """'4x4', '8x8' ... or '4x6', '8x12' ... -> 'b4', 'b8' ..., by size."""
    found = {m[1]: int(m[2]) * int(m[3]) for n in names if (m := re.match(r"synthesis/((\d{1,5})x(\d{1,5}))/", n))}
    return {size: f"b{4 << i}" for i, size in enumerate(sorted(found, key=lambda s: found[s])[:16])}


def _kernel(tensor: Tensor) -> Tensor:
    """[height, width, in, out] -> [out, in, height, width]."""
    if tensor.ndim != 4:
        raise WeightsError(f"a kernel of shape {list(tensor.shape)}: 4 dimensions are wanted")
    return tensor.permute(3, 2, 0, 1).contiguous()


def _turned(tensor: Tensor) -> Tensor:
    return _kernel(tensor).flip(2, 3)


def _transposed(tensor: Tensor) -> Tensor:
    return tensor.t().contiguous() if tensor.ndim == 2 else tensor


_LAYERS = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}
_PARTS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "weight": ("weight", _kernel),
    "bias": ("bias", lambda t: t),
    "mod_weight": ("affine.weight", _transposed),
    "mod_bias": ("affine.bias", lambda t: t + 1),
    "noise_strength": ("noise_strength", lambda t: t.reshape(()) if t.numel() == 1 else t),
}


def _rename(name: str, tensor: Tensor, blocks: Mapping[str, str]) -> list[tuple[str, Tensor]]:
    """(NVIDIA's PyTorch name, tensor in its shape), or nothing for counters. Raises WeightsError for others."""
    if name in ("lod", "synthesis/lod"):
        return []
    if name == "dlatent_avg":
        return [("mapping.w_avg", tensor)]
    if match := re.fullmatch(r"mapping/Dense(\d{1,2})/(weight|bias)", name):
        return [(f"mapping.fc{match[1]}.{match[2]}", _transposed(tensor))]
    if match := re.fullmatch(r"mapping/LabelEmbed/(weight|bias)", name):
        return [(f"mapping.embed.{match[1]}", _transposed(tensor))]
    if name == "mapping/LabelConcat/weight":
        return [("mapping.concat.weight", tensor)]
    if match := re.fullmatch(r"synthesis/noise(\d{1,2})", name):
        return [(f"synthesis.{_noise(int(match[1]))}.noise_const", tensor.reshape(tensor.shape[-2:]))]
    if match := re.fullmatch(r"synthesis/(\d+x\d+)/Const/const", name):
        return [("synthesis.b4.const", tensor[0] if tensor.ndim == 4 else tensor)]
    if match := re.fullmatch(r"synthesis/(\d+x\d+)/(\w+)/(\w+)", name):
        return [_layer(name, blocks[match[1]], match[2], match[3], tensor)]
    raise WeightsError(f"variable {name[:80]!r} is not one of StyleGAN2")


def _layer(name: str, block: str, layer: str, part: str, tensor: Tensor) -> tuple[str, Tensor]:
    layer = "ToRGB" if re.fullmatch(r"ToRGB_lod\d+", layer) else layer
    if layer not in _LAYERS or part not in _PARTS:
        raise WeightsError(f"variable {name[:80]!r} is not one of StyleGAN2")
    new, change = _PARTS[part]
    if part == "weight" and layer in ("Conv0_up", "Skip"):
        change = _turned
    return f"synthesis.{block}.{_LAYERS[layer]}.{new}", change(tensor)


def _noise(n: int) -> str:
    """noise0 is that of 4x4, then come two for each block."""
    return f"b{4 << (n + 1) // 2}.conv{1 if n % 2 == 0 else 0}"


def stated(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Switches that tensors do not determine. What truncation, training and old hardware needed is passed over."""
    for key, usual in _USUAL.items():
        value = kwargs.get(key, usual)
        value = list(value[:8]) if isinstance(value, tuple) else value
        if value is not None and value != usual:
            shown = value[:20] if isinstance(value, str) else type(value).__name__
            raise WeightsError(f"its {key} is {shown!r}: only {usual!r} is supported")
    found: dict[str, Any] = {"mapping_lr_multiplier": kwargs.get("mapping_lrmul", 0.01)}
    found |= {key: kwargs[key] for key in ("conv_clamp", "num_fp16_res") if key in kwargs}
    return {k: v for k, v in found.items() if v is None or isinstance(v, (int, float))}
