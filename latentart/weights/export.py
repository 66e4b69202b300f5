"""Writes checkpoints for others to load: rosinality's .pt, and a state dict in NVIDIA's layout."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentart import files
from latentart.errors import SettingsError, WeightsError, unknown
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.open import open_checkpoint

Layout = Callable[[Checkpoint], dict[str, Any]]


def export(source: str | Path, target: str | Path, layout: str, *, overwrite: bool = False) -> Checkpoint:
    """Reads `source` (a card's name or a file) and writes a torch file in the layout 'rosinality' or 'nvidia'.

    It is written beside the target, read again and compared before it is renamed. Raises WeightsError for what the
    layout cannot hold, TargetError for a target that exists or cannot be written.
    """
    if layout not in LAYOUTS:
        raise SettingsError(unknown("layout", layout, LAYOUTS))
    files.check_target(target, overwrite=overwrite)
    checkpoint = open_checkpoint(source)
    document = LAYOUTS[layout](checkpoint)
    with files.part_file(target, overwrite=overwrite) as part:
        torch.save(document, part)
        _compare(checkpoint, open_checkpoint(part))
    return open_checkpoint(Path(target))


def nvidia(checkpoint: Checkpoint) -> dict[str, Any]:
    """{'G_ema': state dict}: `Generator(**init_kwargs).load_state_dict(...)` in NVIDIA's code takes it as it is."""
    family = checkpoint.config["family"]
    if family not in ("stylegan2", "stylegan3"):
        raise WeightsError(f"{checkpoint.name!r} is a {family}: only StyleGAN2 and StyleGAN3 exist in NVIDIA's layout")
    state = dict(checkpoint.tensors)
    if "mapping.concat.weight" in state:
        raise WeightsError(f"{checkpoint.name!r} takes classes as the first StyleGAN2 did: NVIDIA's PyTorch cannot")
    if family == "stylegan2":
        state |= {name: _smooth() for name in _filters(state) if name not in state}
        state.setdefault("mapping.w_avg", torch.zeros(checkpoint.config["w_dim"]))
    keys = ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels")
    return {"G_ema": state, "init_kwargs": {key: checkpoint.config[key] for key in keys}}


def rosinality(checkpoint: Checkpoint) -> dict[str, Any]:
    """{'g_ema': state dict, 'latent_avg'}: what its generate.py, pSp and e4e load."""
    _check_rosinality(checkpoint)
    state = dict(checkpoint.tensors)
    state |= {name: _smooth() for name in _filters(state) if name not in state}
    average = state.pop("mapping.w_avg", torch.zeros(checkpoint.config["w_dim"]))
    renamed = [_rosinality(name, tensor) for name, tensor in state.items()]
    return {"g_ema": dict(pair for pair in renamed if pair is not None), "latent_avg": average}


LAYOUTS: dict[str, Layout] = {"nvidia": nvidia, "rosinality": rosinality}


def _check_rosinality(checkpoint: Checkpoint) -> None:
    """Raises WeightsError, naming it, for what that network does not have."""
    config = checkpoint.config
    wanted = {
        "family": "stylegan2",
        "architecture": "skip",
        "c_dim": 0,
        "init_res": [4, 4],
        "img_channels": 3,
        "use_noise": True,
        "mapping_lr_multiplier": 0.01,
    }
    for key, value in wanted.items():
        if config.get(key) != value:
            found = config.get(key)
            raise WeightsError(
                f"{checkpoint.name!r} has {key} {found!r}, rosinality's network only {value!r}: use --to nvidia"
            )
    found = list(config["widths"])
    usual = [_rosinality_widths(len(found), multiplier) for multiplier in (1, 2)]
    if found not in usual:
        builds = " or ".join(dict.fromkeys(", ".join(map(str, widths)) for widths in usual))
        own = ", ".join(map(str, found))
        raise WeightsError(
            f"{checkpoint.name!r} has widths {own}, rosinality's Generator builds only {builds}: use --to nvidia"
        )
    if config["z_dim"] != config["w_dim"]:
        z_dim, w_dim = config["z_dim"], config["w_dim"]
        raise WeightsError(f"{checkpoint.name!r} has z_dim {z_dim} and w_dim {w_dim}, rosinality's network one number")


def _rosinality_widths(levels: int, multiplier: int) -> list[int]:
    """Channels of its Generator from 4 pixels upward: 512 up to 32, then 256 times the multiplier, halved each time."""
    return [512 if level < 4 else 256 * multiplier >> level - 4 for level in range(levels)]


def _smooth() -> Tensor:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(taps, taps) / 64


def _filters(state: Mapping[str, Tensor]) -> list[str]:
    """Every place where NVIDIA's classes keep the resampling filter."""
    found = {m[1] for n in state if (m := re.match(r"(synthesis\.b\d+(?:\.(?:conv[01]|skip))?)\.", n))}
    blocks = {name.rpartition(".")[0] if name.count(".") > 1 else name for name in found}
    return [f"{name}.resample_filter" for name in sorted(found | blocks)]


def _rosinality(name: str, tensor: Tensor) -> tuple[str, Tensor] | None:
    """(its name, tensor in its shape), or None for filters that its network does not keep."""
    if match := re.fullmatch(r"mapping\.fc(\d+)\.(weight|bias)", name):
        return f"style.{int(match[1]) + 1}.{match[2]}", tensor
    match = re.fullmatch(r"synthesis\.b(\d+)\.(?:(conv0|conv1|torgb)\.)?(.+)", name)
    if match is None:
        raise WeightsError(f"tensor {name[:80]!r} has no place in rosinality's network")
    level, layer, part = int(match[1]).bit_length() - 3, match[2], match[3]
    if part == "const":
        return "input.input", tensor[None]
    if part == "noise_const":
        return f"noises.noise_{2 * level - (layer == 'conv0')}", tensor[None, None]
    if part == "resample_filter":
        return _kernel(level, layer, tensor)
    if layer == "torgb":
        place = "to_rgb1" if level == 0 else f"to_rgbs.{level - 1}"
    else:
        place = "conv1" if level == 0 else f"convs.{2 * (level - 1) + (layer == 'conv1')}"
    return _part(place, layer, part, tensor)


def _kernel(level: int, layer: str | None, tensor: Tensor) -> tuple[str, Tensor] | None:
    if layer == "conv0":
        return f"convs.{2 * (level - 1)}.conv.blur.kernel", tensor * 4
    return (f"to_rgbs.{level - 1}.upsample.kernel", tensor * 4) if layer is None and level > 0 else None


def _part(place: str, layer: str, part: str, tensor: Tensor) -> tuple[str, Tensor]:
    if part == "bias":
        return (f"{place}.bias", tensor.view(1, -1, 1, 1)) if layer == "torgb" else (f"{place}.activate.bias", tensor)
    names = {
        "weight": ("conv.weight", tensor[None]),
        "affine.weight": ("conv.modulation.weight", tensor),
        "affine.bias": ("conv.modulation.bias", tensor),
        "noise_strength": ("noise.weight", tensor.reshape(-1)),
    }
    new, changed = names[part]
    return f"{place}.{new}", changed


def _compare(wanted: Checkpoint, written: Checkpoint) -> None:
    """Raises WeightsError unless the file that was written reads as the tensors that were given to it."""
    for name, tensor in wanted.tensors.items():
        if name.endswith("resample_filter"):
            continue  # those of layers that do not resample are not kept everywhere
        if name not in written.tensors or not torch.allclose(tensor, written.tensors[name], rtol=0, atol=1e-6):
            raise WeightsError(f"tensor {name!r} came back changed from the disk: check the disk, then convert again")
