"""ProGAN generators with random weights, and files of two ports, from their layouts alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

WIDTHS = (8, 8, 6, 4)


def random_port(
    kind: str, seed: int = 0, *, z_dim: int = 12, widths: tuple[int, ...] = WIDTHS, channels: int = 3
) -> dict[str, Tensor]:
    """A state dict as pytorch_GAN_zoo ('zoo') or pro_gan_pytorch ('akanimax') keeps it; a width for each level."""
    random = torch.Generator().manual_seed(seed)
    made: dict[str, Tensor] = {}

    def layer(name: str, *shape: int, outputs: int | None = None) -> None:
        made[f"{name}.weight"] = torch.randn(shape, generator=random)
        made[f"{name}.bias"] = torch.randn(outputs or shape[0], generator=random) * 0.3

    if kind == "zoo":
        layer("formatLayer.module", 16 * widths[0], z_dim)
        layer("groupScale0.0.module", widths[0], widths[0], 3, 3)
    else:
        layer("layers.0.conv_1", z_dim, widths[0], 4, 4, outputs=widths[0])
        layer("layers.0.conv_2", widths[0], widths[0], 3, 3)
    for level, (before, width) in enumerate(itertools.pairwise(widths)):
        for i, inputs in enumerate((before, width)):
            name = f"scaleLayers.{level}.{i}.module" if kind == "zoo" else f"layers.{level + 1}.conv_{i + 1}"
            layer(name, width, inputs, 3, 3)
    for level, width in enumerate(widths):
        layer(f"toRGBLayers.{level}.module" if kind == "zoo" else f"rgb_converters.{level}", channels, width, 1, 1)
    return made


def write(
    path: Path, kind: str, state: Mapping[str, Tensor], *, average: bool = True, parallel: bool = False, **settings: Any
) -> None:
    """A checkpoint as the port's training writes it; `parallel` puts 'module.' before every name, `settings` are other
    ones than usual."""
    saved = {f"module.{n}" if parallel else n: t for n, t in state.items()}
    other = {n: t + 1 for n, t in saved.items()}
    document: dict[str, Any]
    if kind == "zoo":
        document = {
            "config": {"alpha": 0.0, **settings},
            "netG": other if average else saved,
            "netD": {"x": torch.ones(1)},
        }
        document |= {"avgG": saved} if average else {}
    else:
        conf = {"depth": 5, "num_channels": 3, "latent_size": 12, "use_eql": True, **settings}
        document = {"generator": {"conf": conf, "state_dict": other if average else saved}}
        document |= {"shadow_generator": {"conf": conf, "state_dict": saved}} if average else {}
    torch.save(document, path)


def random_state(**shape: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, config) as a `Checkpoint` of ours holds them."""
    widths = shape.get("widths", WIDTHS)
    port = random_port("zoo", **shape)
    tensors: dict[str, Tensor] = {}
    names = {"formatLayer": "start", "groupScale0.0": "layers.0", f"toRGBLayers.{len(widths) - 1}": "torgb"}
    names |= {f"scaleLayers.{s}.{i}": f"layers.{2 * s + i + 1}" for s in range(len(widths) - 1) for i in (0, 1)}
    for old, new in names.items():
        weight = port[f"{old}.module.weight"]
        factor = math.sqrt(2 / weight[0].numel())
        tensors |= {f"{new}.weight": weight * factor, f"{new}.bias": port[f"{old}.module.bias"] * factor}
    z_dim, channels = shape.get("z_dim", 12), shape.get("channels", 3)
    facts = {"family": "progan", "z_dim": z_dim, "c_dim": 0, "w_dim": z_dim, "num_ws": 1}
    size = 4 << (len(widths) - 1)
    made = [tensors["start.weight"].shape[0] // 16]
    made += [tensors[f"layers.{i}.weight"].shape[0] for i in range(2 * len(widths) - 1)]
    return tensors, facts | {
        "img_resolution": size, "img_channels": channels, "normalize_start": True, "unit_output": False,
        "slope": 0.2, "tanh": False, "fade": 0.0,
        "widths": made,
    }  # fmt: skip
