"""Latents on disk: .npz with key `w` and .npy, as projectors and other tools write them. Nothing is unpickled."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentart.errors import WeightsError
from latentart.files import regular
from latentart.weights import npy

MOST_BYTES = 1 << 30
"""Of latents as float64: 14,563 of a StyleGAN2 of 1024 pixels."""


def read_all(sources: Sequence[str | Path], num_ws: int, w_dim: int) -> NDArray[np.float64]:
    """Files and folders of files (by name) -> ws [N, num_ws, w_dim] float64, in order. Raises WeightsError."""
    files: list[Path] = []
    for source in map(Path, sources):
        found = regular.listed(source, (".npz", ".npy")) if os.path.isdir(source) else [source]
        if not found:
            raise WeightsError(f"{str(source)!r} holds no .npz or .npy latents")
        files += found
    ws: list[NDArray[np.float64]] = []
    for path in files:
        ws.append(read(path, num_ws, w_dim))
        _check_room(sum(map(len, ws)), num_ws, w_dim, str(path))
    return np.concatenate(ws)


def read(path: str | Path, num_ws: int, w_dim: int) -> NDArray[np.float64]:
    """One file -> ws [N, num_ws, w_dim] float64; a single w per latent is repeated for all rows."""
    path = Path(path)
    try:
        ws = _array(path)
    except npy.FAULTS as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise WeightsError(f"cannot read latents from {str(path)!r}: {reason}") from error
    return fit(ws, num_ws, w_dim, str(path))


def fit(ws: NDArray[np.generic], num_ws: int, w_dim: int, source: str) -> NDArray[np.float64]:
    """[w_dim], [num_ws, w_dim], [N, 1, w_dim] or [N, num_ws, w_dim] -> [N, num_ws, w_dim]. Raises WeightsError."""
    if ws.dtype.kind != "f" or not np.isfinite(ws).all():
        raise WeightsError(f"latents in {source!r} are {ws.dtype}, or not all finite: expected floating-point numbers")
    shaped = ws.reshape((1,) * (3 - ws.ndim) + ws.shape) if ws.ndim <= 3 else ws
    if shaped.ndim != 3 or shaped.shape[2] != w_dim or shaped.shape[1] not in (1, num_ws):
        wanted = f"[N, {num_ws}, {w_dim}]"
        raise WeightsError(f"latents in {source!r} have shape {list(ws.shape)}: this model needs {wanted}")
    _check_room(len(shaped), num_ws, w_dim, source)
    return np.broadcast_to(shaped, (len(shaped), num_ws, w_dim)).astype(np.float64)


def _check_room(count: int, num_ws: int, w_dim: int, source: str) -> None:
    """Raises WeightsError for more latents than MOST_BYTES: one w repeated for every row grows, and so do halves."""
    most = MOST_BYTES // (8 * num_ws * w_dim)
    if count > most:
        raise WeightsError(f"{count} latents up to {source!r} are too many: give at most {most}")


def _array(path: Path) -> NDArray[np.generic]:
    if not npy.is_archive(path):
        return npy.read_file(path)
    with npy.opened(path) as archive:
        names = npy.array_names(archive)
        if "w" not in names:
            raise ValueError(f"it has no array 'w', only {', '.join(names)[:100] or 'nothing'}")
        return npy.read_member(archive, "w")
