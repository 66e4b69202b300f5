"""Feature networks by name: the one that ships with the package, and those that `weights pull` fetches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from latentart import cache as user_cache
from latentart.errors import SettingsError, WeightsError, unknown
from latentart.features import int8, trunk
from latentart.features.lpips import Lpips
from latentart.features.trunk import Trunk

SHIPPED = "vgg16-relu3_3"
"""VGG16 up to relu3_3 in 8 bits: three of LPIPS's five layers, in the package, nothing to fetch."""
STUB_FILE = "vgg16_relu3_3.safetensors"
PLANS = {SHIPPED: trunk.until(trunk.VGG16, "relu3_3"), "vgg16": trunk.VGG16, "alexnet": trunk.ALEXNET}


def lpips(name: str = SHIPPED, device: str | torch.device = "cpu") -> Lpips:
    """The perceptual distance through one of PLANS. Raises SettingsError for an unknown name or one not pulled yet."""
    plan = _plan(name)
    kind = "alexnet" if name == "alexnet" else "vgg16"
    names = trunk.layer_names(plan)
    own = {tap: head for tap, head in lpips_heads(kind).items() if tap in names}
    return Lpips(name, Trunk(plan, trunk_state(name)), own).to(device)


def vgg16(name: str = SHIPPED, device: str | torch.device = "cpu", *, average_pool: bool = False) -> Trunk:
    """The bare VGG16 for losses that read activations; `name` as for `lpips`."""
    return Trunk(_plan(name), trunk_state(name), average_pool=average_pool).to(device)


def _plan(name: str) -> trunk.Plan:
    if name not in PLANS:
        raise SettingsError(unknown("feature network", name, PLANS))
    return PLANS[name]


def trunk_state(name: str) -> dict[str, Tensor]:
    """The convolutions of a feature network, float32."""
    return int8.restore(_shipped()) if name == SHIPPED else _pulled(name)


def lpips_heads(kind: str) -> dict[str, Tensor]:
    """LPIPS's channel weights for 'vgg16' or 'alexnet', by layer: [C] each, in the layers' order."""
    start = f"lpips.{kind}."
    found = {key.removeprefix(start): t for key, t in _shipped().items() if key.startswith(start)}
    return {layer: found[layer] for layer in sorted(found)}


def pulled_file(name: str) -> Path:
    """Where `weights pull` keeps a feature network."""
    return user_cache.place("features", f"{name}.safetensors")


def _pulled(name: str) -> dict[str, Tensor]:
    path = pulled_file(name)
    if not path.exists():
        raise SettingsError(f"feature network {name!r} is not here yet: run 'latentart weights pull {name}' once")
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{str(path)!r} is damaged ({error}): run 'latentart weights pull {name}' again") from error


@cache
def _shipped() -> Mapping[str, Tensor]:
    with as_file(files("latentart.features") / STUB_FILE) as path:
        return load_file(path)
