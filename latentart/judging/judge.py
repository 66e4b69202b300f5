"""A network judged against pictures: KID, FID, precision, recall, and how near its samples come to single pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentart import files, pixels
from latentart.errors import SettingsError
from latentart.features import load
from latentart.judging import material, measures, nearest, networks
from latentart.judging.material import Pictures
from latentart.models.base import Generator
from latentart.pixels import Frame

SAMPLES, SHOWN, MOST_SAMPLES = 2048, 32, 50_000
METRICS, SHEET = "metrics.json", "nearest.png"


def judge(
    G: Generator, pictures: str | Path | Frame | Pictures, *, samples: int = SAMPLES, features: str = load.SHIPPED,
    seed: int = 0, shown: int = SHOWN,
) -> dict[str, Any]:  # fmt: skip
    """Judges a network. The names of the values end with the feature network's: 'kid-vgg16-relu3_3'.

    pictures: a folder, uint8 [N, H, W, C] of the network's own size, or `material.Pictures`. At most `samples` of
    them and as many samples are compared. shown: how many samples are looked up among the pictures by LPIPS; their
    sheet is in 'sheet', uint8 [H, W, C]; 0 leaves it out. Raises SettingsError, PictureError.
    """
    if not 2 <= samples <= MOST_SAMPLES or not 0 <= shown <= samples:
        raise SettingsError(
            f"{samples!r} samples, {shown!r} shown: give 2 to {MOST_SAMPLES}, and no more shown than that"
        )
    real = _pictures(G, pictures, samples)
    fake = material.samples(G, samples, real, seed)
    network = networks.network(features, G.device)
    seen, made = networks.features(network, real.batches()), networks.features(network, fake.batches())
    found: dict[str, Any] = {
        f"kid-{network.name}": measures.kid(seen, made, seed=seed),
        f"fid-{network.name}": measures.fid(seen, made),
        "pictures": len(real.frames),
        "samples": samples,
        "seed": seed,
    }
    if min(len(seen), samples) > measures.NEIGHBOURS:
        precision, recall = measures.precision_recall(seen, made)
        found |= {f"precision-{network.name}": precision, f"recall-{network.name}": recall}
    if not shown:
        return found
    chosen = np.linspace(0, samples - 1, shown).round().astype(int)
    few = Pictures(fake.frames[chosen], [fake.labels[i] for i in chosen], [fake.names[i] for i in chosen])
    near = nearest.find(few, made[chosen], real, seen, load.lpips(features, G.device), device=G.device)
    found[f"nearest-lpips-{network.name}"] = float(np.median(near.distances))
    found["nearest"] = [
        {"sample": name, "picture": real.names[number], "lpips": distance}
        for name, number, distance in zip(few.names, near.numbers, near.distances, strict=True)
    ]
    return found | {"sheet": nearest.sheet(few, real, near)}


def _pictures(G: Generator, pictures: str | Path | Frame | Pictures, most: int) -> Pictures:
    if isinstance(pictures, str | Path):
        return material.of_folder(pictures, G.img_size, G.img_channels, most)
    found = pictures if isinstance(pictures, Pictures) else material.of_frames(pictures)
    wanted = (*G.img_size, G.img_channels)
    if found.frames.shape[1:] != wanted:
        raise SettingsError(
            f"pictures of {list(found.frames.shape[1:])}, the network makes {list(wanted)}: resize them"
        )
    chosen = np.linspace(0, len(found.frames) - 1, min(most, len(found.frames))).round().astype(int)
    return Pictures(found.frames[chosen], [found.labels[i] for i in chosen], [found.names[i] for i in chosen])


def check_folder(folder: str | Path, *, overwrite: bool = False) -> None:
    """Raises TargetError where the folder holds results already."""
    for name in (METRICS, SHEET):
        if (Path(folder) / name).exists():
            files.check_target(Path(folder) / name, overwrite=overwrite)


def save(
    found: Mapping[str, Any], folder: str | Path, record: Mapping[str, Any] | None = None, *, overwrite: bool = False
) -> Path:
    """Writes metrics.json and nearest.png into a folder. Raises TargetError."""
    place = Path(folder)
    check_folder(place, overwrite=overwrite)
    with files.explained(place / METRICS):
        place.mkdir(parents=True, exist_ok=True)
    values = {**(record or {}), **{name: value for name, value in found.items() if name != "sheet"}}
    files.write_text(place / METRICS, json.dumps(values, indent=2) + "\n", overwrite=overwrite)
    if "sheet" in found:
        with files.part_file(place / SHEET, overwrite=overwrite) as part:
            pixels.to_image(found["sheet"]).save(part, format="PNG")
    return place / METRICS
