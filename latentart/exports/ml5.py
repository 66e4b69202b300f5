"""The folder that ml5's styleTransfer (and deeplearn.js demos) load: manifest.json and raw float32 files.

Only networks of that layout fit: transposed convolutions, zero SAME borders, tanh at the end. `latentart train style
--layout ml5` trains one.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from latentart.errors import SettingsError
from latentart.exports import verify
from latentart.translators.load import open_translator
from latentart.translators.style import fast_style

KIND = "ml5"
IS_FOLDER = True


def write(network: str | Path, target: Path) -> tuple[float, tuple[str, ...]]:
    """Writes the folder, reads it back and compares. Raises SettingsError for a network of another layout."""
    checkpoint = open_translator(network)
    if checkpoint.config["family"] != fast_style.FAMILY:
        family = checkpoint.config["family"]
        raise SettingsError(f"ml5 plays fast style networks only, {str(network)!r} is of family {family!r}: --to onnx")
    other = [
        f"{key} {checkpoint.config.get(key)!r}"
        for key, wanted in fast_style.ML5.items()
        if checkpoint.config.get(key) != wanted
    ]
    if other:
        raise SettingsError(f"{str(network)!r} is not of ml5's layout ({', '.join(other)}): use --to onnx")
    manifest, numbers = {}, 0
    for name, tensor in fast_style.tensorflow_variables(checkpoint.tensors).items():
        values = tensor.numpy().astype("<f4")
        (target / name).write_bytes(np.ascontiguousarray(values).tobytes())
        numbers += values.size
        manifest[name] = {"filename": name, "shape": list(values.shape)}
    (target / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return verify.difference(network, target), (f"{len(manifest)} variables, {numbers} numbers",)
