"""Latents on disk: .npz with key `w` and .npy, as projectors and other tools write them. Nothing is unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentart.errors import WeightsError
from latentart.weights.npy import read_npy


def read_all(sources: Sequence[str | Path], num_ws: int, w_dim: int) -> NDArray[np.float64]:
    """Files and folders of files (by name) -> ws [N, num_ws, w_dim] float64, in order. Raises WeightsError."""
    files: list[Path] = []
    for source in map(Path, sources):
        found = sorted(p for p in source.iterdir() if p.suffix in (".npz", ".npy")) if source.is_dir() else [source]
        if not found:
            raise WeightsError(f"{str(source)!r} holds no .npz or .npy latents")
        files += found
    return np.concatenate([read(path, num_ws, w_dim) for path in files])


def read(path: str | Path, num_ws: int, w_dim: int) -> NDArray[np.float64]:
    """One file -> ws [N, num_ws, w_dim] float64; a single w per latent is repeated for all rows."""
    path = Path(path)
    try:
        ws = _array(path)
    except (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
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
    return np.broadcast_to(shaped, (len(shaped), num_ws, w_dim)).astype(np.float64)


def _array(path: Path) -> NDArray[np.generic]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            return read_npy(stream, path.stat().st_size)
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        if "w" not in names:
            raise ValueError(f"it has no array 'w', only {', '.join(names) or 'nothing'}")
        with archive.open("w.npy") as stream:
            return read_npy(stream, archive.getinfo("w.npy").file_size)
