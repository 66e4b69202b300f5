"""`.pict`: for ml5's pix2pix, affinelayer's page and keijiro's Pix2Pix for Unity. Weights in eight bits.

Only networks of affinelayer's wiring fit. The file's index may hold any 256 numbers: they are fitted to the weights
(Lloyd 1982), which is nearer than the fixed logarithmic scale that the readers do not ask for. A network that came
from a `.pict` is written without loss.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latentart.errors import SettingsError
from latentart.exports import verify
from latentart.translators.load import open_translator
from latentart.translators.pix2pix import pix2pix_affinelayer as affinelayer

KIND = "pict"
IS_FOLDER = False
TOLERANCE = 0.1
"""Eight bits for a weight are seen in single pixels; the difference is stated."""
LEVELS, BINS, TURNS, SAMPLE = 256, 4096, 8, 1 << 20


def write(network: str | Path, target: Path) -> tuple[float, tuple[str, ...]]:
    """Writes the file, reads it back and compares. Raises SettingsError for a network of another wiring."""
    checkpoint = open_translator(network)
    if checkpoint.config["family"] != affinelayer.FAMILY:
        family = checkpoint.config["family"]
        raise SettingsError(f"a .pict holds affinelayer's pix2pix, {str(network)!r} is of family {family!r}: --to onnx")
    tensors = {name: tensor.numpy() for name, tensor in affinelayer.variables(checkpoint).items()}
    values = np.concatenate([tensor.ravel() for tensor in tensors.values()]).astype(np.float32)
    index = fitted(values)
    listed = json.dumps([{"name": name, "shape": list(tensor.shape)} for name, tensor in tensors.items()]).encode()
    blocks = (listed, index.astype("<f4").tobytes(), nearest(values, index).tobytes())
    target.write_bytes(b"".join(struct.pack(">I", len(block)) + block for block in blocks))
    return verify.difference(network, target), (f"{len(tensors)} tensors, {values.size} values of {len(index)} levels",)


def fitted(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """At most 256 numbers near the values, ascending: the values themselves where there are no more."""
    distinct = np.unique(values)
    if len(distinct) <= LEVELS:
        levels: NDArray[np.float32] = distinct
        return levels
    seen = np.sort(values[:: max(1, len(values) // SAMPLE)].astype(np.float64))
    index = _companded(seen)
    for _ in range(TURNS):
        index = _centred(seen, index)
    return np.asarray(index, dtype=np.float32)


def _companded(seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels as dense as the cube root of the values' density, best for many levels (Panter and Dite 1951)."""
    counts, edges = np.histogram(seen, BINS)
    share = np.concatenate([[0.0], np.cumsum(np.cbrt(counts) + 1e-6)])
    return np.asarray(np.interp((np.arange(LEVELS) + 0.5) / LEVELS * share[-1], share, edges))


def _centred(seen: NDArray[np.float64], index: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each level at the mean of the values that are nearest to it; a level without any stays."""
    ends = np.searchsorted(seen, (index[1:] + index[:-1]) / 2)
    sums = np.concatenate([[0.0], np.cumsum(seen)])
    first, last = np.concatenate([[0], ends]), np.concatenate([ends, [len(seen)]])
    count = last - first
    return np.asarray(np.where(count > 0, (sums[last] - sums[first]) / np.maximum(count, 1), index))


def nearest(values: NDArray[np.float32], index: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Place in the (ascending) index of the number nearest to each value."""
    middles = (index[1:] + index[:-1]) / 2
    return np.searchsorted(middles, values).astype(np.uint8)
