"""Directions on disk: our own small file, and those of other tools. Nothing in a file is executed.

Ours is safetensors: one tensor per direction and, in the metadata, a JSON list of what is known of each.
"""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from latentart import files
from latentart.errors import SettingsError, WeightsError
from latentart.files import regular
from latentart.latent.directions import KNOTS, Direction, Directions
from latentart.models.base import Generator
from latentart.weights import cards, npy
from latentart.weights.pickle import torch_file
from latentart.weights.pickle.storage import StoredTensor, load
from latentart.weights.safe import copied, parse_json

Array = NDArray[np.float64]
KEY = "latentart_directions"
ENDING = ".directions.safetensors"
MOST_BYTES = 64 << 20
LARGEST = 4 * MOST_BYTES
"""Bytes of the arrays in an archive, unpacked."""
MOST = 4096
FACTS: dict[str, tuple[type, ...]] = {
    "name": (str,), "layers": (str,), "curve": (list, tuple), "source": (str,), "effect": (int, float),
    "clean": (int, float), "sign": (str,), "note": (str,),
}  # fmt: skip
_log = logging.getLogger(__name__)


def write(path: str | Path, book: Directions, *, overwrite: bool = False) -> Path:
    """Writes the directions, whole or not at all. Raises TargetError."""
    facts = [{name: getattr(d, name) for name in FACTS} for d in book]
    head = {"network": book.network, "sha256": book.sha256, "step": book.step, "directions": facts}
    tensors = {f"{i:04d}": d.vector.astype(np.float32) for i, d in enumerate(book)}
    with files.part_file(path, overwrite=overwrite) as part:
        part.write_bytes(safetensors.numpy.save(tensors, {KEY: json.dumps(head, allow_nan=False)}))
    return Path(path)


def read(path: str | Path, num_ws: int, w_dim: int) -> Directions:
    """Directions from our file, or from another tool's: .npy, GANSpace's .npz, factor.pt. Raises WeightsError."""
    path = Path(path)
    try:
        with regular.opened(path) as file:
            head = file.read(16)
        if regular.check(path) > MOST_BYTES:
            raise WeightsError(f"more than {MOST_BYTES} bytes, which no directions need")
        if head[8:9] == b"{":
            book = _ours(path)
        elif path.suffix in (".pt", ".pth"):
            book = Directions(_torch(path, num_ws, w_dim))
        else:
            book = Directions(_numpy(path, num_ws, w_dim))
        return _checked(book, num_ws, w_dim)
    except npy.FAULTS as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise WeightsError(f"cannot read directions from {str(path)!r}: {reason}") from error
    except WeightsError as error:
        raise type(error)(f"cannot read directions from {str(path)!r}: {error}") from error


def of_network(G: Generator, network: str | Path, given: str | Path | None = None) -> Directions:
    """The directions of a model: the file that was given, or the one beside its checkpoint or among the cards.

    An empty book without a file; a book that was made for other weights is reported by a log line.
    """
    path = Path(given) if given else beside(G, network)
    if path is None:
        return Directions([], network=G.name, sha256=G.sha256)
    book = read(path, G.num_ws, G.w_dim)
    if book.sha256 and G.sha256 and book.sha256 != G.sha256:
        _log.warning("the directions in %s were made for other weights (%s)", path.name, book.network)
    return book


def place(G: Generator, network: str | Path) -> Path:
    """Where a model's directions are kept when no other file is named: beside the checkpoint's file."""
    known = Path(str(network))
    return known.with_name(known.stem + ENDING) if known.is_file() else Path(f"{G.name}{ENDING}")


def beside(G: Generator, network: str | Path) -> Path | None:
    """The file of directions that belongs to a model, or None."""
    places = [place(G, network), *(folder / f"{G.name}{ENDING}" for folder in cards.folders())]
    return next((path for path in places if path.is_file()), None)


def _ours(path: Path) -> Directions:
    try:
        with safetensors.safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: copied(name, file.get_tensor(name)).numpy() for name in sorted(file.keys())}
    except safetensors.SafetensorError as error:
        raise WeightsError(f"broken safetensors: {error}") from error
    if text is None:
        raise WeightsError("safetensors without directions: make some with 'latentart directions find'")
    head = parse_json(text.encode(), "list of directions")
    facts = head.get("directions")
    if not isinstance(facts, list) or not len(facts) == len(tensors) <= MOST:
        raise WeightsError("its list of directions does not have one entry for each tensor")
    items = [_direction(fact, tensor) for fact, tensor in zip(facts, tensors.values(), strict=True)]
    step = head.get("step", 0.0)
    if not isinstance(step, (int, float)):
        raise WeightsError(f"step is {step!r}, a number is wanted")
    return Directions(items, network=str(head.get("network", "")), sha256=str(head.get("sha256", "")), step=step)


def _direction(fact: object, tensor: NDArray[Any]) -> Direction:
    if not isinstance(fact, Mapping) or not isinstance(fact.get("name"), str):
        raise WeightsError("a direction without a name")
    known = {name: value for name, value in fact.items() if name in FACTS}
    for name, value in known.items():
        if not isinstance(value, FACTS[name]) or isinstance(value, bool):
            raise WeightsError(f"direction {fact['name']!r} has {name} {value!r}, which has the wrong type")
    return Direction(vector=tensor.astype(np.float64), **{**known, "curve": _curve(known.get("curve", []))})


def _curve(places: Any) -> tuple[float, ...]:
    """Seven finite numbers that rise, 0 in the middle; or none."""
    good = all(isinstance(p, (int, float)) and not isinstance(p, bool) and abs(p) < 1e6 for p in places)
    if not good or len(places) not in (0, len(KNOTS)) or any(b <= a for a, b in pairwise(places)):
        raise WeightsError(f"a curve {str(places)[:60]!r}: {len(KNOTS)} numbers that rise are wanted")
    if places and places[len(KNOTS) // 2] != 0:
        raise WeightsError("a curve that moves the picture at amount 0")
    return tuple(map(float, places))


def _numpy(path: Path, num_ws: int, w_dim: int) -> list[Direction]:
    if not npy.is_archive(path):
        return _rows(path.stem, npy.read_file(path), num_ws, w_dim)
    with npy.opened(path, most=LARGEST) as archive:
        names = set(npy.array_names(archive))
        if "lat_comp" in names:
            return _ganspace(archive, names, num_ws, w_dim)
        for key in ("directions", "w"):
            if key in names:
                return _rows(path.stem, npy.read_member(archive, key), num_ws, w_dim)
    raise WeightsError(f"neither 'lat_comp' (GANSpace) nor 'directions' in it, only {', '.join(sorted(names))[:100]}")


def _ganspace(archive: zipfile.ZipFile, names: set[str], num_ws: int, w_dim: int) -> list[Direction]:
    """lat_comp [n, 1, w_dim] or [n, w_dim], lat_stdev [n]: one unit is one standard deviation."""
    comps = npy.read_member(archive, "lat_comp")
    if comps.dtype.kind != "f" or comps.ndim not in (2, 3) or comps[0].size != w_dim:
        raise WeightsError(f"its lat_comp has shape {list(comps.shape)}, this model has w of {w_dim}")
    axes = _few(comps.reshape(len(comps), -1)).astype(np.float64)
    stdev = npy.read_member(archive, "lat_stdev") if "lat_stdev" in names else np.ones(len(axes))
    if stdev.dtype.kind != "f" or stdev.size != len(axes):
        raise WeightsError(f"its lat_stdev has shape {list(stdev.shape)}: one number for each of {len(axes)} is wanted")
    sigmas = stdev.astype(np.float64).ravel()
    return [Direction(f"ganspace:{i}", a * s, source=f"ganspace:{i}") for i, (a, s) in _count(axes, sigmas)]


def _count(axes: Array, sigmas: Array) -> list[tuple[int, tuple[Array, float]]]:
    return list(enumerate(zip(axes, sigmas.tolist(), strict=True), start=1))


def _torch(path: Path, num_ws: int, w_dim: int) -> list[Direction]:
    """factor.pt (columns of `eigvec`, as closed_form_factorization.py writes), a tensor, or a dict of tensors."""
    found = torch_file.open_torch(path)
    if isinstance(found, dict) and isinstance(found.get("eigvec"), StoredTensor):
        columns = found["eigvec"].load().double().numpy()
        return _rows("factor", columns.T[:, None, :] if columns.ndim == 2 else columns, num_ws, w_dim)
    stored = found if isinstance(found, dict) else {path.stem: found}
    tensors = {str(name): each for name, each in stored.items() if isinstance(each, StoredTensor)}
    # Loaded together: tensors that share bytes are refused before the first is copied.
    loaded = load(tensors, regular.check(path))
    items = [row for name, tensor in loaded.items() for row in _rows(name, tensor.double().numpy(), num_ws, w_dim)]
    if not items:
        raise WeightsError("it holds no tensors that could be directions")
    return items


def _rows(name: str, values: NDArray[Any], num_ws: int, w_dim: int) -> list[Direction]:
    """[w_dim], [num_ws, w_dim] (one direction), [n, w_dim], [n, 1 or num_ws, w_dim] -> directions."""
    if values.dtype.kind != "f" or values.ndim not in (1, 2, 3) or values.shape[-1] != w_dim or not values.size:
        raise WeightsError(f"an array of {values.dtype} {list(values.shape)}: this model's directions are [{w_dim}]")
    whole = values.ndim == 1 or values.shape == (num_ws, w_dim)
    each = [values] if whole else [v[0] if v.ndim == 2 and len(v) == 1 else v for v in _few(values)]
    label = "".join(c if c.isalnum() or c in "_.-" else "-" for c in name)[:30].lstrip("_.-") or "direction"
    names = [label] if whole else [f"{label}:{i}" for i in range(1, len(each) + 1)]
    return [Direction(n, v.astype(np.float64), source=n) for n, v in zip(names, each, strict=True)]


def _few(values: NDArray[Any]) -> NDArray[Any]:
    """The same, or WeightsError for more directions than are read: asked before each becomes an array of its own."""
    if len(values) > MOST:
        raise WeightsError(f"{len(values)} directions: at most {MOST} are read")
    return values


def _checked(book: Directions, num_ws: int, w_dim: int) -> Directions:
    if len(book) > MOST:
        raise WeightsError(f"{len(book)} directions: at most {MOST} are read")
    for d in book:
        if d.vector.shape not in ((w_dim,), (num_ws, w_dim)):
            raise WeightsError(f"direction {d.name!r} has shape {list(d.vector.shape)}, this model's w is [{w_dim}]")
        if not np.isfinite(d.vector).all():
            raise WeightsError(f"direction {d.name!r} holds NaN or infinity")
        try:
            d.rows(num_ws)
        except SettingsError as error:
            raise WeightsError(str(error)) from error
    return book
