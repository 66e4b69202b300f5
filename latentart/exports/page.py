"""A folder in which a generator plays in the browser: any web server can serve it, no Python runs anywhere.

    index.html, page.css, page.js, sw.js       the page and its offline cache
    model.json, weights.bin                    facts and directions; both networks, half precision
    lib/                                       the player (sketches/lib/latent.*.js) and onnxruntime-web

Needs the extra `latentart[export]`, and onnxruntime-web, which npm fetches once.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentart import shipped
from latentart.errors import SettingsError
from latentart.exports import browser, graphs, page_chain
from latentart.exports import onnx as to_onnx
from latentart.latent import direction_files, directions
from latentart.latent.axes import sefa
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.weights import cards

KIND = "page"
IS_FOLDER = True
TOLERANCE = 2 / 255
"""Half-precision weights; those of the shipped models have it already."""
OPTIONS = ("then", "take", "webgpu")
VERSION = 1
MOST_DIRECTIONS = 16
SITE = Path(__file__).parent / "site"
PANEL = Path(__file__).parents[1] / "live" / "web" / "static"
"""The live panel's files: a page has the same controls and the same stage."""
PLAYER = ("p5.latentart.js", "latent.page.js", "latent.worker.js", "latent.network.js", "latent.instrument.js",
          "latent.state.js", "latent.numbers.js", "latent.params.js", "latent.load.js",
          "latent.offline.js")  # fmt: skip


def write(network: str | Path, target: Path, **options: Any) -> tuple[float, tuple[str, ...]]:
    """Writes the folder and runs its graphs in onnxruntime; options as in `model`. Raises LatentartError."""
    found = model(network, target, **options)
    for file in (*sorted(SITE.iterdir()), *(PANEL / name for name in ("controls.js", "stage.js", "icon.svg"))):
        shutil.copyfile(file, target / file.name)
    return found


def model(
    network: str | Path,
    target: Path,
    *,
    then: Sequence[str] = (),
    take: Mapping[str, Any] | None = None,
    webgpu: bool = False,
) -> tuple[float, tuple[str, ...]]:
    """Writes what plays a model, without a page around it: model.json, weights.bin, lib/. Raises LatentartError.

    then: translators behind it, NAME[:STYLE][@STRENGTH]; take: a performance, {sha256, fps, frame, end, snapshot,
    events}, that plays in a loop; webgpu: whether the player for WebGPU, 27 MB more, goes along.
    """
    to_onnx.check_packages()
    G = load(network, "cpu").eval()
    if G.img_channels not in (1, 3):
        raise SettingsError(f"{G.name} draws pictures of {G.img_channels} channels: a page shows 1 or 3")
    found, chain = _directions(G, network), [page_chain.link(text, G.img_size) for text in then]
    facts = _facts(G, found, chain) | {"webgpu": bool(webgpu)} | ({"take": page_chain.played(take, G)} if take else {})
    difference = _weights(G, found, chain, target, facts)
    player(target, webgpu=webgpu)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    return difference, (f"{len(found)} directions, {size / 1e6:.1f} MB; serve it: python -m http.server -d FOLDER",)


def player(target: Path, *, webgpu: bool = False) -> None:
    """Copies the player, and onnxruntime-web with its licence, into target/lib. Raises SettingsError, WeightsError."""
    ort = target / "lib" / "ort"
    ort.mkdir(parents=True)
    for name in PLAYER:
        shutil.copyfile(lib() / name, target / "lib" / name)
    for file in browser.page_player(webgpu=webgpu):
        shutil.copyfile(file, ort / file.name)
    (ort / "NOTICE.txt").write_text(browser.LICENCE, encoding="utf-8")


def lib() -> Path:
    """The folder of scripts that sketches share. Raises SettingsError where it is not installed."""
    for folder in shipped.folders("sketches", "*.py"):
        if (folder / "lib" / PLAYER[0]).exists():
            return folder / "lib"
    raise SettingsError("the folder sketches/lib, which holds the player, is not installed")


def _directions(G: Generator, network: str | Path) -> list[directions.Direction]:
    """A model's own directions, or SeFa's where it has styles, in the faders' order, as a live session has them."""
    book = direction_files.of_network(G, network)
    if not len(book) and sefa.groups(G):
        return list(directions.sefa(G, count=min(MOST_DIRECTIONS, G.w_dim)))
    return list(book)[:MOST_DIRECTIONS]


def _weights(
    G: Generator,
    found: Sequence[directions.Direction],
    chain: Sequence[page_chain.Link],
    target: Path,
    facts: dict[str, Any],
) -> float:
    """Writes weights.bin and model.json; the largest difference against PyTorch on 0 .. 1."""
    synthesis = graphs.SynthesisPart(G).eval()
    parts: dict[str, to_onnx.Part] = {"mapping": graphs.MappingPart(G).eval(), "synthesis": synthesis}
    parts |= {f"then{i}": link.part for i, link in enumerate(chain, start=1)}
    written = {name: _graph(part, target / f"{name}.onnx", halve=name != "mapping") for name, part in parts.items()}
    blocks = {name: block for name, (block, _) in written.items()}
    blocks["directions"] = np.asarray([d.rows(G.num_ws) for d in found], "<f4").tobytes()
    blocks["centre"] = G.w_avg.detach().float().numpy().astype("<f4").tobytes()
    places, whole = _joined(blocks)
    (target / "weights.bin").write_bytes(whole)
    weights = {"file": "weights.bin", "bytes": len(whole), "sha256": hashlib.sha256(whole).hexdigest(), "parts": places}
    text = json.dumps(facts | {"inputs": list(synthesis.inputs), "weights": weights}, indent=1)
    (target / "model.json").write_text(text, encoding="utf-8")
    return max(difference for _, difference in written.values())


def _graph(part: to_onnx.Part, file: Path, *, halve: bool) -> tuple[bytes, float]:
    """A part as the bytes of an ONNX file, and its largest difference against PyTorch."""
    to_onnx.save(part, file)
    graphs.slim(file, halve=halve)
    difference = max(to_onnx.difference(part, file, inputs) for inputs in part.samples())
    block = file.read_bytes()
    file.unlink()
    return block, difference


def _joined(blocks: dict[str, bytes]) -> tuple[dict[str, list[int]], bytes]:
    """Blocks one after another, each at a multiple of eight: name -> [offset, length]."""
    places, whole = {}, b""
    for name, block in blocks.items():
        places[name] = [len(whole), len(block)]
        whole += block + bytes(-len(block) % 8)
    return places, whole


def _facts(G: Generator, found: Sequence[directions.Direction], chain: Sequence[page_chain.Link]) -> dict[str, Any]:
    """What the player has to know, and what people want to."""
    height, width = G.img_size
    return {
        "latentart": KIND, "version": VERSION, "name": G.name, "family": G.family, "sha256": G.sha256,
        "width": width, "height": height, "channels": G.img_channels,
        "z_dim": G.z_dim, "c_dim": G.c_dim, "w_dim": G.w_dim, "num_ws": G.num_ws,
        "class_names": list(G.class_names) or [str(i) for i in range(G.c_dim)],
        "directions": [{"name": d.name, "curve": list(d.curve), "sign": d.sign} for d in found],
        "start": {"psi": 0.7} | dict(pair for i, link in enumerate(chain, 1) for pair in link.start(i).items()),
        "then": [link.facts for link in chain], "shown": _card(G.sha256),
    }  # fmt: skip


def _card(sha256: str) -> dict[str, str]:
    """Licence, data and notes of a model that has a card; nothing for others."""
    card = cards.by_sha256(sha256)
    facts = {} if card is None else card.facts
    return {key: str(facts[key]) for key in ("license", "data", "notes") if key in facts}
