"""Pictures by seed or from saved latents, each with its settings record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart import pixels, provenance
from latentart.errors import SettingsError, unknown
from latentart.latent import automation, direction_files, directions, saved, space
from latentart.media import transparency
from latentart.models.base import Generator, check_noise_mode
from latentart.render.frames import random_noise
from latentart.translators import chain


@dataclass(frozen=True, kw_only=True)
class Stills:
    """What to draw, and how. network: where the model came from, for the directions beside it."""

    network: str = ""
    seeds: tuple[int, ...] = ()
    latents: tuple[str, ...] = ()
    classes: str | None = None
    psi: float = space.PSI
    cutoff: int | None = None
    edits: tuple[str, ...] = ()
    directions: str | None = None
    noise_mode: str = "const"
    size: tuple[int, int] | None = None
    fit: str = "crop"
    then: tuple[str, ...] = ()


def pictures(G: Generator, wanted: Stills) -> Iterator[tuple[str, pixels.Frame, dict[str, Any]]]:
    """(name without ending, frame [H, W, C], settings record) of each picture in turn. Raises SettingsError.

    Names are 'seed0001' or, for saved latents, 'proj00'; a list of classes gives one to each seed.
    """
    mode = check_noise_mode(wanted.noise_mode)
    if wanted.fit not in pixels.FITS:
        raise SettingsError(unknown("fit", wanted.fit, pixels.FITS))
    change, then = _edits(G, wanted), _then(G, wanted)
    for number, (name, ws, own) in enumerate(_latents(G, wanted)):
        ws = change(ws, np.zeros(len(ws)))
        with torch.inference_mode():
            noise = random_noise(G, number, np.array([0])) if mode == "random" else None
            img: Tensor = G.synthesis(ws, noise_mode="const" if noise else mode, noise=noise)
        if wanted.size is not None:
            img = pixels.resize_straight(img, wanted.size, wanted.fit)
        if then:
            with torch.inference_mode():
                img = transparency.kept(then)(img, np.zeros(len(img)))
        yield name, pixels.to_uint8(img)[0], record(G, own)


def names(wanted: Stills) -> list[str]:
    """Names of the pictures of seeds, before any is drawn; [] for saved latents, which have to be read first."""
    return [] if wanted.latents else [f"seed{seed:04d}" for seed in wanted.seeds]


def _edits(G: Generator, wanted: Stills) -> directions.Change:
    """The edits as a change of ws; a still has no time, so they must stand still."""
    for text in wanted.edits:
        automation.still(automation.parse(text))
    book = direction_files.of_network(G, wanted.network, wanted.directions) if wanted.edits else None
    return directions.edit(G, book or directions.Directions([]), wanted.edits)


def _then(G: Generator, wanted: Stills) -> chain.Chain | None:
    """The translators behind the model, which must stand still."""
    moving = next((text for text in wanted.then if chain.parse(text).moves), None)
    if moving:
        raise SettingsError(f"{moving!r} changes over time: a still takes one strength and one style")
    return chain.Chain(wanted.then, G.device) if wanted.then else None


def _latents(G: Generator, wanted: Stills) -> Iterator[tuple[str, Tensor, Stills]]:
    if wanted.latents:
        if wanted.seeds:
            raise SettingsError("seeds and saved latents together: give one or the other")
        for number, w in enumerate(saved.read_all(wanted.latents, G.num_ws, G.w_dim)):
            yield f"proj{number:02d}", torch.from_numpy(w[None]).float().to(G.device), wanted
        return
    mixes = space.parse_classes(G, wanted.classes) if wanted.classes else []
    weights = space.c_of(G, mixes)
    if mixes and len(mixes) not in (1, len(wanted.seeds)):
        raise SettingsError(f"{len(wanted.seeds)} seeds and {len(mixes)} classes: give one class, or one for each seed")
    for row, z in enumerate(space.z_of(G, wanted.seeds)):
        c = None if weights is None else weights[[row % len(mixes)]]
        ws = space.to_ws(G, z[None], c, psi=wanted.psi, cutoff=wanted.cutoff)
        yield f"seed{wanted.seeds[row]:04d}", ws, replace(wanted, seeds=(wanted.seeds[row],))


def record(G: Generator, wanted: Stills) -> dict[str, Any]:
    """The settings record of these pictures."""
    kept = {name: value for name, value in asdict(wanted).items() if value is not None}
    kept |= {name: Path(kept[name]).name for name in ("network", "directions") if name in kept}
    kept["then"] = [chain.spelled(text) for text in wanted.then]
    kept["latents"] = [Path(latent).name for latent in wanted.latents]
    checkpoint = {"name": G.name, "family": G.family, "sha256": G.sha256}
    return provenance.record(device=G.device, stills=kept, checkpoint=checkpoint)
