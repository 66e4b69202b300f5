"""The result of a projection in one file that NumPy reads without pickle: code, noise, weight change, settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import files
from latentart.errors import WeightsError
from latentart.models.base import Generator
from latentart.projection.search.tune import tuned
from latentart.weights import npy

MOST_BYTES = 2**31


@dataclass(frozen=True)
class Projection:
    """A picture found: everything that renders it again.

    ws [1, num_ws, w_dim]; noise: layer -> [1, 1, H, W] where the generator's own was replaced; delta: change of
    the generator's weights (see `tune`); settings: preset, seed, losses, feature network, checkpoint...
    """

    ws: Tensor
    noise: Mapping[str, Tensor] = field(default_factory=dict)
    delta: Mapping[str, Tensor] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def generator(self, G: Generator) -> Generator:
        """G, or a copy of it that was tuned for this picture."""
        return tuned(G, self.delta) if self.delta else G

    def render(self, G: Generator) -> Tensor:
        """The picture, [1, C, H, W] in about [-1, 1]."""
        noise = {name: value.to(G.device) for name, value in self.noise.items()}
        with torch.no_grad():
            img: Tensor = self.generator(G).synthesis(self.ws.to(G.device), noise_mode="const", noise=noise)
        return img


def save(projection: Projection, target: str | Path, *, overwrite: bool = False) -> Path:
    """Writes the bundle, whole or not at all. Raises TargetError."""
    arrays: dict[str, NDArray[Any]] = {"w": projection.ws.detach().cpu().numpy().astype(np.float32)}
    for kind, tensors in (("noise", projection.noise), ("delta", projection.delta)):
        arrays |= {f"{kind}:{name}": value.detach().cpu().numpy() for name, value in tensors.items()}
    arrays["settings"] = np.array(json.dumps(projection.settings))
    with files.part_file(target, overwrite=overwrite) as part, part.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    return Path(target)


def load(path: str | Path, G: Generator | None = None) -> Projection:
    """Reads a bundle. With G, raises WeightsError when it was made with another checkpoint; also when it is damaged."""
    path = Path(path)
    arrays = _read(path)
    if "w" not in arrays or "settings" not in arrays:
        raise WeightsError(f"{str(path)!r} is no projection: it needs the arrays 'w' and 'settings'")
    try:
        settings = json.loads(str(arrays["settings"]))
    except ValueError as error:
        raise WeightsError(f"the settings in {str(path)!r} are damaged ({error}): project the picture again") from error
    if G is not None:
        check_checkpoint(settings, G, path)
    parts = {kind: _part(arrays, kind) for kind in ("noise", "delta")}
    return Projection(torch.from_numpy(arrays["w"]).float(), parts["noise"], parts["delta"], settings)


def check_checkpoint(settings: Mapping[str, Any], G: Generator, path: Path) -> None:
    """Raises WeightsError when the bundle names another checkpoint than G."""
    made_with = settings.get("checkpoint", {})
    if made_with.get("sha256", "") != G.sha256:
        raise WeightsError(
            f"{str(path)!r} was made with {made_with.get('name')!r}, sha256 {made_with.get('sha256', '')[:12]!r}, not"
            f" with {G.name!r}, {G.sha256[:12]!r}: name the right checkpoint with --network"
        )


def _part(arrays: Mapping[str, NDArray[Any]], kind: str) -> dict[str, Tensor]:
    start = f"{kind}:"
    return {name.removeprefix(start): torch.from_numpy(a) for name, a in arrays.items() if name.startswith(start)}


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with npy.opened(path, most=MOST_BYTES) as archive:
            return {name: npy.read_member(archive, name) for name in npy.array_names(archive)}
    except npy.FAULTS as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise WeightsError(f"cannot read projection {str(path)!r}: {reason}: project the picture again") from error
