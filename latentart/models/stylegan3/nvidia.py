"""The settings of a StyleGAN3 generator from the attributes of its modules, as NVIDIA's pickles hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentart.weights.checkpoint import Origin
from latentart.weights.containers.nvidia_pickle import agreed, multiplier, plain
from latentart.weights.pickle.inert_pickle import refuse

MOST_LAYERS = 64


def notes(origin: Origin) -> tuple[str, ...]:
    """Note that `inspect` prints for a file without averaged weights."""
    return ("the weights of G: the file has no averaged G_ema",) if origin.group == "G" else ()


def stated(modules: Mapping[str, Mapping[Any, Any]]) -> dict[str, Any]:
    """What the classes computed for their layers, so that nothing has to be computed again."""
    top, network, start = (plain(modules.get(name, {})) for name in ("", "synthesis", "synthesis.input"))
    layers = {n: s for n, s in modules.items() if n.startswith("synthesis.L") and n.count(".") == 1}
    if len(layers) > MOST_LAYERS:
        refuse(f"a synthesis network of more than {MOST_LAYERS} layers")
    return {
        **{k: top[k] for k in ("z_dim", "c_dim", "w_dim", "num_ws", "img_channels") if k in top},
        **{k: network[k] for k in ("output_scale",) if k in network},
        **agreed(list(layers.values()), "conv_clamp"),
        **multiplier(modules.get("mapping.fc0", {}), {}),
        "input": _renamed(start, {"size": "size", "sampling_rate": "sampling_rate", "bandwidth": "bandwidth"}),
        "layers": [_renamed(plain(layers[n]), _LAYER) for n in sorted(layers, key=_index)],
    }


_LAYER = {
    "in_size": "in_size", "out_size": "out_size", "up_factor": "up", "down_factor": "down", "padding": "padding",
    "use_fp16": "fp16",
}  # fmt: skip


def _index(name: str) -> tuple[int, str]:
    """Place of 'synthesis.L12_1044_32' in the network."""
    digits = name.removeprefix("synthesis.L").partition("_")[0]
    return (int(digits) if digits.isdecimal() and len(digits) < 3 else 100), name


def _renamed(found: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The attributes of these names; NVIDIA's sizes are (width, height)."""
    chosen = {new: found[old] for old, new in names.items() if old in found}
    return {k: v[::-1] if k.endswith("size") and isinstance(v, list) else v for k, v in chosen.items()}
