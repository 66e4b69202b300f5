"""The settings of a StyleGAN2 generator from the attributes of its modules, as NVIDIA's pickles hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentart.weights.checkpoint import Origin
from latentart.weights.containers.nvidia_pickle import agreed, check_activation, multiplier, nested, scalars


def notes(origin: Origin) -> tuple[str, ...]:
    """Note that `inspect` prints for a file without averaged weights."""
    return ("the weights of G: the file has no averaged G_ema",) if origin.group == "G" else ()


def stated(modules: Mapping[str, Mapping[Any, Any]], tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Switches from keyword arguments, then from the attributes that the classes made of them."""
    top, mapping = modules[""], modules.get("mapping", {})
    kwargs = _kwargs(top)
    found = {k: kwargs[k] for k in ("architecture", "conv_clamp", "num_fp16_res") if k in kwargs}
    if "lr_multiplier" in kwargs:
        found["mapping_lr_multiplier"] = kwargs["lr_multiplier"]
    found |= {k: top[k] for k in ("z_dim", "c_dim", "w_dim", "img_channels") if type(top.get(k)) is int}
    if type(mapping.get("num_layers")) is int:
        found["mapping_layers"] = mapping["num_layers"]
    blocks = [s for n, s in modules.items() if n.startswith("synthesis.b") and n.count(".") == 1]
    layers = [s for n, s in modules.items() if n.startswith("synthesis.b") and ".conv" in n and n.count(".") == 2]
    found |= agreed(blocks, "architecture") | agreed(layers, "conv_clamp")
    if all("use_fp16" in b for b in blocks):
        found["num_fp16_res"] = sum(b["use_fp16"] is True for b in blocks)
    check_activation(modules)
    return found | multiplier(modules.get("mapping.fc0", {}), tensors)


def _kwargs(top: Mapping[Any, Any]) -> dict[Any, Any]:
    """Keyword arguments in one dict: StyleGAN2-ADA nests those of the two halves, StyleGAN3's repository does not."""
    kwargs = nested(top, "_init_kwargs")
    return scalars(kwargs) | scalars(nested(kwargs, "mapping_kwargs")) | scalars(nested(kwargs, "synthesis_kwargs"))
