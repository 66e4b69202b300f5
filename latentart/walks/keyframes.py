"""A loop through keyframes: seeds, or latents that were saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import rate
from latentart.errors import SettingsError, unknown
from latentart.latent import path
from latentart.latent.easing import easing as curve
from latentart.latent.interpolate import Array, Loop, loop
from latentart.latent.space import PSI, ClassMix, c_of, check_psi, to_ws, z_of
from latentart.latent.walk_options import Option
from latentart.models.base import Generator

SPACES = ("w", "z")


def keyframes(
    G: Generator,
    *,
    seeds: Sequence[int] = (),
    latents: NDArray[np.float64] | None = None,
    classes: Sequence[ClassMix] = (),
    seconds: float = 10,
    fps: rate.Rate = 30,
    psi: float = PSI,
    cutoff: int | None = None,
    interp: Annotated[str, Option("Between the keyframes: linear, slerp or cubic.")] = "cubic",
    easing: Annotated[str, Option("Timing of each leg: linear, smooth, sine, hold...")] = "linear",
    space: Annotated[str, Option("Interpolate in w or z.")] = "w",
) -> path.Path:
    """A closed loop through the keyframes in order; keyframe k of K is reached at u = k/K.

    seeds: integers; or latents [K, num_ws, w_dim] (W+), which psi leaves as they are. classes: one mix for all
    keyframes or one for each; a single seed with many classes walks through the classes.
    interp: 'linear', 'slerp', 'cubic'; easing: a name of `latent.easing`, applied to each leg;
    space: 'w' or 'z', where the interpolation happens. Raises SettingsError.
    """
    frames, exact = path.clock(seconds, fps)
    if space not in SPACES:
        raise SettingsError(unknown("space", space, SPACES))
    if latents is not None:
        if seeds or classes or space == "z":
            raise SettingsError("saved latents are already in W+: leave out seeds, classes and --space z")
        return path.Path(_through_ws(G, torch.from_numpy(latents), interp, easing), frames, exact)
    z, c = _keys(G, seeds, classes)
    if space == "w":
        ws = to_ws(G, z, c, psi=psi, cutoff=cutoff)
        return path.Path(_through_ws(G, ws, interp, easing), frames, exact)
    return path.Path(_through_z(G, z, c, interp, easing, psi=psi, cutoff=cutoff), frames, exact)


def _keys(G: Generator, seeds: Sequence[int], classes: Sequence[ClassMix]) -> tuple[Array, Array | None]:
    """z [K, z_dim] and class weights [K, c_dim], a single one of either repeated for all keyframes."""
    z, c = z_of(G, seeds), c_of(G, classes)
    if c is None:
        return z, None
    count = max(len(z), len(c))
    if {len(z), len(c)} - {1, count}:
        raise SettingsError(f"{len(z)} seeds and {len(c)} classes: give one class for all, or one for each seed")
    return np.repeat(z, count // len(z), axis=0), np.repeat(c, count // len(c), axis=0)


def _through_ws(G: Generator, ws: Tensor, interp: str, easing: str) -> Callable[[Array], Tensor]:
    curve_through = loop(ws.double().cpu().numpy(), interp, curve(easing))
    return lambda u: torch.from_numpy(curve_through(u)).float().to(G.device)


def _through_z(
    G: Generator, z: Array, c: Array | None, interp: str, easing: str, *, psi: float, cutoff: int | None
) -> Callable[[Array], Tensor]:
    z_loop = loop(z, interp, curve(easing))
    # Weights of classes stay a mix (none below zero) only on straight lines.
    c_loop: Loop | None = None if c is None else loop(c, "linear", curve(easing))

    def at(u: Array) -> Tensor:
        return to_ws(G, z_loop(u), None if c_loop is None else c_loop(u), psi=psi, cutoff=cutoff)

    check_psi(psi)
    return at
