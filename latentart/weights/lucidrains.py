"""Reads `model_<n>.pt` of lucidrains' `stylegan2-pytorch`, a network of its own.

The mapping's learning rate multiplier is in none of its tensors but in `.config.json` beside the file; where that is
gone, its default stands for it. It is multiplied in: ours are effective weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.shapes import shape
from latentart.weights.storage import StoredTensor, load
from latentart.weights.stylegan2 import Parts
from latentart.weights.torch_file import find, is_torch, open_torch

FAMILY, SOURCE = "lucidrains", "lucidrains"
FIRST_TENSOR = "GE.initial_conv.weight"
LR_MLP, W_AVG_SAMPLES, LARGEST_CONFIG, MOST_LEVELS = 0.1, 2000, 1 << 16, 12


def complete(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """Tensors in our names and config with nothing left out. Raises WeightsError."""
    widths = widths_of(tensors)
    w_dim = shape(tensors, "mapping.fc.0.weight", 2, FAMILY)[0]
    depth = len([n for n in tensors if re.fullmatch(r"mapping\.fc\.\d+\.weight", n)])
    samples = stated.get("w_avg_samples", W_AVG_SAMPLES)
    if type(samples) is not int or not 0 < samples <= 1_000_000:
        raise WeightsError(f"w_avg_samples {str(samples)[:40]!r} makes no sense")
    facts = {"family": FAMILY, "z_dim": w_dim, "c_dim": 0, "w_dim": w_dim, "num_ws": len(widths)}
    facts |= {"img_resolution": 4 << (len(widths) - 1), "mapping_layers": depth, "use_noise": True}
    channels = shape(tensors, "synthesis.levels.0.torgb.weight", 4, FAMILY)[0]
    return Parts(dict(tensors), facts | {"img_channels": channels, "w_avg_samples": samples}, ())


def widths_of(tensors: Mapping[str, Tensor]) -> list[int]:
    """Channels of each level. Raises WeightsError for none or too many."""
    levels = sorted({int(m[1]) for n in tensors if (m := re.match(r"synthesis\.levels\.(\d{1,3})\.", n))})
    if levels != list(range(len(levels))) or not 1 <= len(levels) <= MOST_LEVELS:
        raise WeightsError(f"levels {levels[:8]}: 0, 1 ... without a gap are wanted, {MOST_LEVELS} at most")
    return [shape(tensors, f"synthesis.levels.{i}.conv2.weight", 4, FAMILY)[0] for i in levels]


def facts_shown(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `inspect` shows beside the config."""
    return {"widths": {str(4 << i): width for i, width in enumerate(widths_of(checkpoint.tensors))}}


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a torch file with this network's averaged generator."""
    return is_torch(head) and find(open_torch(path), FIRST_TENSOR) is not None


def read(path: Path) -> Checkpoint:
    """The averaged generator of the file (SE and GE). Raises WeightsError."""
    found = find(open_torch(path), FIRST_TENSOR)
    if found is None:
        raise WeightsError(f"no tensor {FIRST_TENSOR!r}")
    stored: dict[str, StoredTensor] = {n: t for n, t in found[0].items() if n.startswith(("SE.", "GE."))}
    multiplier, note = _multiplier(path)
    renamed: dict[str, Tensor] = {}
    for name, tensor in load(stored, path.stat().st_size).items():
        renamed |= _rename(name, tensor, multiplier)
    parts = complete(renamed, {})
    notes = (note, f"w_avg: not in the file, the mean of {W_AVG_SAMPLES} mapped samples stands for it")
    return Checkpoint(parts.tensors, parts.config, "", SOURCE, inferred=notes)


def _multiplier(path: Path) -> tuple[float, str]:
    """(factor of the mapping's weights, where it is from)."""
    beside = path.with_name(".config.json")
    if beside.is_file() and beside.stat().st_size <= LARGEST_CONFIG:
        value = safe.parse_json(beside.read_bytes(), ".config.json").get("lr_mlp")
        if isinstance(value, (int, float)) and 0 < value < 1e6:
            return float(value), f"lr_mlp {value}: from .config.json beside the file"
    return LR_MLP, f"lr_mlp {LR_MLP}: its default, for there is no .config.json beside the file"


_PARTS = {
    "to_style1": "conv1.style",
    "to_style2": "conv2.style",
    "to_rgb.to_style": "torgb.style",
    "to_noise1": "noise1",
    "to_noise2": "noise2",
    "conv1": "conv1",
    "conv2": "conv2",
    "to_rgb.conv": "torgb",
}


def _rename(name: str, tensor: Tensor, multiplier: float) -> dict[str, Tensor]:
    """{our name: tensor in our shape}, or nothing for fixed filters. Raises WeightsError for others."""
    if match := re.fullmatch(r"SE\.net\.(\d{1,3})\.(weight|bias)", name):
        return {f"mapping.fc.{int(match[1]) // 2}.{match[2]}": tensor * multiplier}
    if name == "GE.initial_block":
        return {"synthesis.const": tensor[0] if tensor.ndim == 4 else tensor}
    if name == "GE.to_initial_block.weight":
        return {"synthesis.start.weight": tensor.flatten(1).t().contiguous()}
    if match := re.fullmatch(r"GE\.initial_conv\.(weight|bias)", name):
        return {f"synthesis.first.{match[1]}": tensor}
    if re.fullmatch(r"GE\.blocks\.\d{1,3}\.to_rgb\.upsample\.1\.f", name):
        return {}
    if match := re.fullmatch(r"GE\.blocks\.(\d{1,3})\.(.+)\.(weight|bias)", name):
        if match[2] in _PARTS:
            return {f"synthesis.levels.{match[1]}.{_PARTS[match[2]]}.{match[3]}": tensor}
    if name.startswith("GE.attns."):
        raise WeightsError("a lucidrains model with attention layers (--attn-layers), which are not supported")
    raise WeightsError(f"tensor {name[:80]!r} is not one of lucidrains' StyleGAN2")
