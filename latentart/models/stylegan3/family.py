"""The family StyleGAN3: what the tensors of a file mean, and the network built of them.

Names are NVIDIA's. Every layer resamples twice, by filters that are in the file; sizes, factors and paddings come
from the attributes a pickle stores, or, where a file holds only tensors, from the paper's rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.models import state
from latentart.models.mapping import mapping_facts
from latentart.models.stylegan3.network import FAMILY, Config, InputPlan, LayerPlan, StyleGAN3
from latentart.weights import shapes
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import LARGEST_NUMBER, LARGEST_SIDE, below, has

FIRST_TENSOR = "synthesis.input.freqs"
LOOKS_FOR = "synthesis.input.freqs (NVIDIA)"
XL = "SuperresGenerator"
MARGIN, TAPS_PER_STEP = 10, 6
LONGEST_FILTER, MOST_LAYERS = 128, 64
DEFAULTS = {"conv_clamp": 256, "output_scale": 0.25, "mapping_lr_multiplier": 0.01}
"""What every published StyleGAN3 has."""
SHAPED = ("z_dim", "c_dim", "w_dim", "num_ws", "img_resolution", "img_channels", "mapping_layers")
shape = partial(shapes.shape, family="StyleGAN3")


class Layer(NamedTuple):
    """Facts of one layer, from its name and its tensors."""

    name: str
    size: int
    inputs: int
    outputs: int
    kernel: int
    taps: tuple[int, int]
    filters: dict[str, list[int]]
    """Shapes of the two filters, [] for a layer without."""


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the tensors are a StyleGAN3 generator's, in NVIDIA's names."""
    return has(tensors, FIRST_TENSOR)


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """A generator from another project's file. Raises WeightsError, also for StyleGAN-XL."""
    from latentart.models.stylegan3 import nvidia  # not needed for our own files

    stated = origin.contents.stated
    if stated.get("class") == XL:
        what = f"StyleGAN-XL ({XL!r}, a chain of growing networks with a pretrained class embedding)"
        raise WeightsError(f"its generator is a {what}: only StyleGAN2 and StyleGAN3 are known")
    found = below(tensors, FIRST_TENSOR)
    if "modules" not in stated:
        return complete(found, stated)._replace(source="torch-state" if origin.contents.source == "torch" else "")
    parts = complete(found, nvidia.stated(stated["modules"]))
    return parts._replace(inferred=nvidia.notes(origin) + parts.inferred)


def complete(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """Tensors and config with nothing left out; `stated` is what the file states beside its tensors.

    Raises WeightsError where words and tensors disagree, or tensors are missing.
    """
    layers = layers_of(tensors)
    defaults = {key: value for key, value in DEFAULTS.items() if key not in stated}
    notes = [f"{key} {value!r}: not in the file" for key, value in defaults.items()]
    start, said = _input(layers[0], stated.get("input", {})), stated.get("layers", [])
    if len(said) not in (0, len(layers)):
        raise WeightsError(f"the file describes {len(said)} layers, its tensors have {len(layers)}")
    if not said:
        notes.append("sizes, factors and paddings of the layers: from the names and filters of its tensors")
    config = {"family": FAMILY, **defaults, **stated, **_facts(tensors, layers)}
    config |= {"input": start, "layers": _plans(layers, start["size"], said or [{}] * len(layers))}
    config["img_resolution"] = max(config["layers"][-1]["out_size"])
    _check(config, stated)
    config |= {key: float(config[key]) for key in DEFAULTS if config[key] is not None}
    whole = dict(tensors)
    if "synthesis.input.transform" not in whole:
        whole["synthesis.input.transform"] = torch.eye(3)
    return Parts(whole, config, tuple(notes))


def facts_shown(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `inspect` shows beside the config: T has kernels of 3 x 3, R of 1 x 1."""
    layers = layers_of(checkpoint.tensors)
    variant = "T" if layers[0].kernel > 1 else "R"
    return {
        "architecture": f"{variant}, {len(layers)} layers",
        "resolution": list(checkpoint.config["layers"][-1]["out_size"]),
        "widths": {layer.name: layer.outputs for layer in layers},
        "use_noise": False,
    }


def layers_of(tensors: Mapping[str, Tensor]) -> list[Layer]:
    """The layers in order, their channels fitting each other. Raises WeightsError."""
    names = [m for n in tensors if (m := re.fullmatch(r"synthesis\.(L(\d{1,2})_(\d{1,5})_\d{1,5})\.weight", n))]
    found = {int(m[2]): m for m in names}
    if sorted(found) != list(range(len(found))) or not 2 <= len(found) <= MOST_LAYERS:
        raise WeightsError(f"layers {sorted(found)}: a StyleGAN3 generator has L0, L1 ... without a gap")
    layers = [_layer(tensors, found[i][1], int(found[i][3])) for i in range(len(found))]
    inputs = shape(tensors, "synthesis.input.weight", 2)[0]
    for layer in layers:
        if layer.inputs != inputs:
            raise WeightsError(f"layer {layer.name!r} reads {layer.inputs} channels where {inputs} come in")
        inputs = layer.outputs
    return layers


def _layer(tensors: Mapping[str, Tensor], name: str, size: int) -> Layer:
    outputs, inputs, kernel, width = shape(tensors, f"synthesis.{name}.weight", 4)
    if kernel != width:
        raise WeightsError(f"layer {name!r} has kernels of {kernel} x {width}: square ones are wanted")
    up, down = f"synthesis.{name}.up_filter", f"synthesis.{name}.down_filter"
    taps = (_taps(tensors, up), _taps(tensors, down))
    filters = {key: list(tensors[n].shape) if n in tensors else [] for key, n in (("up_taps", up), ("down_taps", down))}
    return Layer(name, size, inputs, outputs, kernel, taps, filters)


def _taps(tensors: Mapping[str, Tensor], name: str) -> int:
    """Length of a filter, 1 when there is none."""
    if name not in tensors:
        return 1
    lengths = set(tensors[name].shape)
    if tensors[name].ndim not in (1, 2) or len(lengths) != 1 or not 1 <= min(lengths) <= LONGEST_FILTER:
        raise WeightsError(f"filter {name!r} has shape {list(tensors[name].shape)}: [K] or [K, K] is wanted")
    return int(min(lengths))


def _input(first: Layer, stated: Mapping[str, Any]) -> dict[str, Any]:
    usual = {"size": [first.size] * 2, "sampling_rate": first.size - 2 * MARGIN, "bandwidth": 2.0}
    found: dict[str, Any] = usual | dict(stated)
    rate, band = found["sampling_rate"], found["bandwidth"]
    if not _is_size(found["size"]) or not _is_number(rate) or not _is_number(band) or not 0 < 2 * band < rate:
        raise WeightsError(f"an input of size {found['size']!r}, rate {rate!r}, bandwidth {band!r} makes no sense")
    return {key: found[key] for key in ("size", "sampling_rate", "bandwidth")}


def _plans(layers: list[Layer], size: list[int], said: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    plans: list[dict[str, Any]] = []
    for layer, stated in zip(layers, said, strict=True):
        plans.append(_plan(layer, size, stated))
        size = plans[-1]["out_size"]
    return plans


def _plan(layer: Layer, in_size: list[int], stated: Mapping[str, Any]) -> dict[str, Any]:
    """How one layer resamples, with the arithmetic of its sizes checked."""
    up, down = (max(1, taps // TAPS_PER_STEP) for taps in layer.taps)
    plan: dict[str, Any] = {"in_size": in_size, "out_size": [layer.size] * 2, "up": up, "down": down, "fp16": False}
    plan |= stated
    if not _is_size(plan["out_size"]) or not all(type(plan[k]) is int and 1 <= plan[k] <= 8 for k in ("up", "down")):
        raise WeightsError(f"layer {layer.name!r} says out_size {plan['out_size']!r}, up {plan['up']!r}: impossible")
    plan.setdefault("padding", [p for axis in (1, 0) for p in _padding(layer, plan, axis)])
    if plan["in_size"] != in_size or not _fits(layer, plan):
        raise WeightsError(f"layer {layer.name!r} does not make {plan['out_size']!r} of {in_size!r} pixels")
    keys = ("in_size", "out_size", "up", "down", "padding", "fp16")
    network = {"inputs": layer.inputs, "outputs": layer.outputs, "kernel": layer.kernel}
    return {"name": layer.name, **network, **{key: plan[key] for key in keys}, **layer.filters}


def _missing(layer: Layer, plan: Mapping[str, Any], axis: int) -> int:
    """Pixels that have to be added before the filters, at the high rate."""
    made: int = (plan["in_size"][axis] + layer.kernel - 1) * plan["up"]
    wanted: int = (plan["out_size"][axis] - 1) * plan["down"] + 1
    return wanted - made + sum(layer.taps) - 2


def _padding(layer: Layer, plan: Mapping[str, Any], axis: int) -> tuple[int, int]:
    total = _missing(layer, plan, axis)
    low = (total + plan["up"]) // 2
    return low, total - low


def _fits(layer: Layer, plan: Mapping[str, Any]) -> bool:
    """Whether the padding [left, right, top, bottom] gives exactly the output, or up to a step more."""
    padding = plan["padding"]
    if not isinstance(padding, list) or [type(p) for p in padding] != [int] * 4:
        return False
    extra = [sum(padding[2 * (1 - axis) :][:2]) - _missing(layer, plan, axis) for axis in (0, 1)]
    return all(0 <= e < plan["down"] for e in extra)


def _facts(tensors: Mapping[str, Tensor], layers: list[Layer]) -> dict[str, Any]:
    return {
        **mapping_facts(tensors, "StyleGAN3"),
        "num_ws": len(layers) + 1,
        "img_channels": layers[-1].outputs,
    }


def _check(config: Mapping[str, Any], stated: Mapping[str, Any]) -> None:
    for key in SHAPED:
        if stated.get(key, config[key]) != config[key]:
            raise WeightsError(f"the file says {key} {str(stated[key])[:80]!r}, its tensors say {config[key]!r}")
    for key in DEFAULTS:
        if not (_is_number(config[key]) or (key == "conv_clamp" and config[key] is None)):
            raise WeightsError(f"{key} {str(config[key])[:40]!r} makes no sense in a StyleGAN3 config")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and 0 < value < LARGEST_NUMBER  # type: ignore[operator]


def _is_size(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(v) is int and 1 <= v <= LARGEST_SIDE for v in value)


def build(checkpoint: Checkpoint) -> StyleGAN3:
    """A checkpoint -> the generator it describes, in float32, without gradients. Raises WeightsError."""
    whole = state.whole(checkpoint, Config, complete)
    start = state.config_of(InputPlan, whole.config["input"])
    layers = [state.config_of(LayerPlan, layer) for layer in whole.config["layers"]]
    with torch.device("meta"):
        G = StyleGAN3(state.config_of(Config, {**whole.config, "input": start, "layers": layers}))
    state.fill(G, whole.tensors)
    return G
