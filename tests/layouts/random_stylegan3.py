"""StyleGAN3 generators with random weights at a trained network's scale, and NVIDIA pickles of them.

Layer plan and filters follow the paper (Karras et al. 2021, arXiv:2106.12423, section 3 and appendix C); the filters
are designed here with SciPy because files carry theirs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import signal, special
from torch import Tensor

from . import nvidia

LAYERS, CRITICAL, MARGIN, TAPS = 14, 2, 10, 6
LR_MULTIPLIER = 0.01


@dataclass(frozen=True)
class Plan:
    """Per layer, torgb last: cutoff and stopband halves, sampling rate, picture size, channels."""

    cutoffs: NDArray[np.float64]
    half_widths: NDArray[np.float64]
    rates: list[int]
    sizes: list[int]
    channels: list[int]


def plan(resolution: int, base: int, largest: int, img_channels: int = 3) -> Plan:
    """Cutoffs grow geometrically from 2 to half the resolution; the rate follows the stopband in powers of two."""
    steps = np.minimum(np.arange(LAYERS + 1) / (LAYERS - CRITICAL), 1)
    cutoffs = 2 * (resolution / 2 / 2) ** steps
    first_stop, last_stop = 2**2.1, resolution / 2 * 2**0.3
    stops = first_stop * (last_stop / first_stop) ** steps
    rates = [int(2 ** math.ceil(math.log2(min(2 * s, resolution)))) for s in stops]
    sizes = [r + 2 * MARGIN for r in rates[:-CRITICAL]] + [resolution] * CRITICAL
    channels = [max(1, round(min(base / 2 / c, largest))) for c in cutoffs[:-1]]
    return Plan(cutoffs, np.maximum(stops, np.array(rates) / 2) - cutoffs, rates, sizes, [*channels, img_channels])


def lowpass(taps: int, cutoff: float, width: float, rate: float, *, radial: bool = False) -> Tensor:
    """A Kaiser-windowed low-pass filter of gain 1: [taps], or [taps, taps] when radially symmetric."""
    if not radial:
        return torch.from_numpy(signal.firwin(taps, cutoff, width=width, fs=rate)).float()
    axis = (np.arange(taps) - (taps - 1) / 2) / rate
    radius = np.hypot(*np.meshgrid(axis, axis))
    window = np.kaiser(taps, signal.kaiser_beta(signal.kaiser_atten(taps, width / (rate / 2))))
    kernel = special.j1(2 * math.pi * cutoff * radius) / (math.pi * radius) * np.outer(window, window)
    return torch.from_numpy(kernel / kernel.sum()).float()


def random_state(
    seed: int = 0,
    resolution: int = 64,
    variant: str = "t",
    *,
    z_dim: int = 16,
    w_dim: int = 16,
    c_dim: int = 0,
    base: int = 512,
    largest: int = 12,
    img_channels: int = 3,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, config) as a `Checkpoint` of ours holds them. variant: 't' or 'r' (1x1 kernels, radial filters)."""
    random = torch.Generator().manual_seed(seed)
    p = plan(resolution, base, largest, img_channels)
    tensors = _mapping(random, z_dim, c_dim, w_dim)
    tensors |= _input(random, p.channels[0], w_dim, p.cutoffs[0])
    layers = []
    for i in range(LAYERS + 1):
        name = f"L{i}_{p.sizes[i]}_{p.channels[i]}"
        layers.append({"name": name, **_layer_plan(p, i, variant)})
        added = _layer(random, f"synthesis.{name}", p, i, w_dim, variant, layers[-1])
        tensors |= added
        outputs, inputs, kernel, _ = added[f"synthesis.{name}.weight"].shape
        taps = {
            f"{k}_taps": list(added.get(f"synthesis.{name}.{k}_filter", torch.zeros(())).shape) for k in ("up", "down")
        }
        layers[-1] |= {"inputs": inputs, "outputs": outputs, "kernel": kernel, **taps}
    config = {
        "family": "stylegan3",
        "z_dim": z_dim,
        "c_dim": c_dim,
        "w_dim": w_dim,
        "num_ws": LAYERS + 2,
        "img_resolution": resolution,
        "img_channels": img_channels,
        "mapping_layers": 2,
        "mapping_lr_multiplier": LR_MULTIPLIER,
        "conv_clamp": 256,
        "output_scale": 0.25,
        "input": {"size": [p.sizes[0]] * 2, "sampling_rate": p.rates[0], "bandwidth": float(p.cutoffs[0])},
        "layers": layers,
        "embed_dim": w_dim if c_dim else 0,
        "mapping_widths": [w_dim] * 2,
        "joint_labels": False,
    }
    return tensors, config


def _layer_plan(p: Plan, i: int, variant: str) -> dict[str, Any]:
    before, last = max(i - 1, 0), i == LAYERS
    rate = max(p.rates[before], p.rates[i]) * (1 if last else 2)
    up, down = rate // p.rates[before], rate // p.rates[i]
    kernel = 3 if variant == "t" and not last else 1
    taps = [TAPS * factor if factor > 1 and not last else 1 for factor in (up, down)]
    total = (p.sizes[i] - 1) * down + 1 - (p.sizes[before] + kernel - 1) * up + sum(taps) - 2
    low = (total + up) // 2
    return {
        "in_size": [p.sizes[before]] * 2,
        "out_size": [p.sizes[i]] * 2,
        "up": up,
        "down": down,
        "padding": [low, total - low] * 2,
        "fp16": p.rates[i] * 16 > p.rates[-1],
    }


def _randn(random: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=random)


def _mapping(random: torch.Generator, z_dim: int, c_dim: int, w_dim: int) -> dict[str, Tensor]:
    tensors, width = {}, z_dim
    if c_dim:
        tensors["mapping.embed.weight"] = _randn(random, w_dim, c_dim)
        tensors["mapping.embed.bias"] = _randn(random, w_dim) * 0.1
        width += w_dim
    for i in range(2):
        tensors[f"mapping.fc{i}.weight"] = _randn(random, w_dim, width if i == 0 else w_dim) / LR_MULTIPLIER
        tensors[f"mapping.fc{i}.bias"] = _randn(random, w_dim) * 0.1 / LR_MULTIPLIER
    return tensors | {"mapping.w_avg": _randn(random, w_dim) * 0.3}


def _input(random: torch.Generator, channels: int, w_dim: int, bandwidth: float) -> dict[str, Tensor]:
    return {
        "synthesis.input.weight": _randn(random, channels, channels),
        "synthesis.input.freqs": _randn(random, channels, 2) * bandwidth * 0.7,
        "synthesis.input.phases": torch.rand(channels, generator=random) - 0.5,
        "synthesis.input.transform": torch.eye(3),
        "synthesis.input.affine.weight": _randn(random, 4, w_dim) * 0.2,
        "synthesis.input.affine.bias": torch.tensor([1.0, 0.0, 0.0, 0.0]),
    }


def _layer(
    random: torch.Generator, name: str, p: Plan, i: int, w_dim: int, variant: str, plan_: dict[str, Any]
) -> dict[str, Tensor]:
    before, last = max(i - 1, 0), i == LAYERS
    c_in, c_out = p.channels[before], p.channels[i]
    kernel = 3 if variant == "t" and not last else 1
    tensors = {
        f"{name}.weight": _randn(random, c_out, c_in, kernel, kernel),
        f"{name}.bias": _randn(random, c_out) * 0.2,
        f"{name}.magnitude_ema": 0.5 + torch.rand((), generator=random),
        f"{name}.affine.weight": _randn(random, c_in, w_dim) * 0.5,
        f"{name}.affine.bias": torch.ones(c_in),
    }
    if not last:
        rate = p.rates[before] * plan_["up"]
        radial = variant == "r" and i < LAYERS - CRITICAL
        up = (TAPS * plan_["up"], p.cutoffs[before], 2 * p.half_widths[before], rate)
        down = (TAPS * plan_["down"], p.cutoffs[i], 2 * p.half_widths[i], rate)
        tensors[f"{name}.up_filter"], tensors[f"{name}.down_filter"] = lowpass(*up), lowpass(*down, radial=radial)
    return tensors


def network(tensors: dict[str, Tensor], config: dict[str, Any]) -> nvidia.Network:
    """The tree of modules with the attributes that the real classes set."""
    facts = {k: config[k] for k in ("z_dim", "c_dim", "w_dim", "num_ws", "img_resolution", "img_channels")}
    root = nvidia.network(tensors, **facts)
    root.at("mapping").state |= {"num_layers": 2, "num_ws": config["num_ws"], "w_avg_beta": 0.998}
    for i in range(2):
        gain = config["mapping_lr_multiplier"]
        root.at(f"mapping.fc{i}").state |= {"activation": "lrelu", "bias_gain": gain}
    root.at("synthesis").state |= {"num_layers": LAYERS, "num_critical": CRITICAL, "output_scale": 0.25}
    size = np.array(config["input"]["size"][::-1])
    root.at("synthesis.input").state |= {**config["input"], "size": size, "bandwidth": np.float64(2)}
    for layer in config["layers"]:
        root.at(f"synthesis.{layer['name']}").state |= _attributes(layer, config)
    return root


def _attributes(layer: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    last = layer is config["layers"][-1]
    return {
        "is_torgb": last,
        "use_fp16": layer["fp16"],
        "in_size": np.array(layer["in_size"][::-1]),
        "out_size": np.array(layer["out_size"][::-1]),
        "up_factor": layer["up"],
        "down_factor": layer["down"],
        "padding": list(layer["padding"]),
        "conv_clamp": config["conv_clamp"],
        "conv_kernel": 1 if last else 3,
        "in_cutoff": np.float64(2.5),
    }


def write(path: Path, tensors: dict[str, Tensor], config: dict[str, Any], **document: Any) -> None:
    """Writes a StyleGAN3 checkpoint as NVIDIA's tools do."""
    nvidia.write_document(path, {"G": None, "D": None, "G_ema": network(tensors, config), **document})
