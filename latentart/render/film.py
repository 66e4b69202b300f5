"""A film is a score in plain values: it can be kept in a file, read back, and rendered again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from fractions import Fraction
from functools import partial
from pathlib import Path as FilePath
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels, provenance, rate, walks
from latentart.engine import Engine
from latentart.engine.translators import compile_translator
from latentart.errors import SettingsError, unknown
from latentart.latent import (
    automation,
    bending,
    blending,
    composition,
    direction_files,
    directions,
    saved,
    space,
    transform,
    truncation,
    walk_options,
)
from latentart.latent import path as paths
from latentart.media import transparency
from latentart.models.base import Generator, check_noise_mode
from latentart.models.load import load
from latentart.render.frames import Scene, Synthesis, choose_engine, frames, worth_choosing
from latentart.render.write import write
from latentart.sinks.sink import Sink, open_sink
from latentart.translators import chain

PACES = ("as-is", "even")
T = TypeVar("T")


def _with_walk_options(kind: type[T]) -> type[T]:
    """A class about to become a dataclass, with a field for each option of each walk, None by default."""
    own = {option.name: f"{option.kind} | None" for option in walk_options.options()}
    names = list(kind.__annotations__)
    # Beside the walk's other values, where records of films have them.
    order = names[: names.index("cutoff") + 1] + list(own) + names[names.index("cutoff") + 1 :]
    annotations = {**kind.__annotations__, **own}
    kind.__annotations__ = {name: annotations[name] for name in order}
    for name in own:
        setattr(kind, name, None)
    return kind


@dataclass(frozen=True, kw_only=True)
@_with_walk_options
class Film:
    """Everything that decides a film's pictures, and every option of a walk. None leaves a walk's own default."""

    network: str = "landscapes-256"
    walk: str = "keyframes"
    seeds: tuple[int, ...] = ()
    latents: tuple[str, ...] = ()
    classes: str | None = None
    seconds: float = 10.0
    fps: str = "30"
    psi: float = space.PSI
    cutoff: int | None = None
    mix_seed: int | None = None
    mix_layers: str = "fine"
    edits: tuple[str, ...] = ()
    directions: str | None = None
    truncate: tuple[str, ...] = ()
    bends: tuple[str, ...] = ()
    blend: str | None = None
    translate: str | None = None
    rotate: str | None = None
    tiles: tuple[int, int] | None = None
    wrap: str = "none"
    then: tuple[str, ...] = ()
    pace: str = "as-is"
    noise_mode: str = "const"
    noise_seed: int = 0
    size: tuple[int, int] | None = None
    fit: str = "crop"

    def record(self) -> dict[str, Any]:
        """The values as JSON, those left at None taken out."""
        kept = {name: value for name, value in asdict(self).items() if value is not None}
        names: dict[str, Any] = {name: FilePath(kept[name]).name for name in ("network", "directions") if name in kept}
        files = {"latents": [FilePath(p).name for p in self.latents], "then": [chain.spelled(t) for t in self.then]}
        return {**kept, **names, **files}

    @classmethod
    def from_record(cls, values: Mapping[str, Any]) -> Film:
        """The film that `record` described. Raises SettingsError for unknown names or values of the wrong kind."""
        known = {f.name: f for f in fields(cls)}
        for name in values:
            if name not in known:
                raise SettingsError(unknown("setting", name, known))
        kinds = {name: _kind(str(f.type)) for name, f in known.items()}
        for name, value in values.items():
            fits = isinstance(value, kinds[name]) and not isinstance(value, bool)
            if not fits or (isinstance(value, (list, tuple)) and not _holds(str(known[name].type), value)):
                raise SettingsError(f"setting {name!r} is {value!r}: it does not have the right type")
        plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**plain)


def _kind(annotation: str) -> tuple[type, ...]:
    """The JSON types that an annotation of `Film` admits."""
    kinds = {"str": (str,), "int": (int,), "float": (int, float), "tuple": (list, tuple), "None": (type(None),)}
    found: tuple[type, ...] = ()
    for part in annotation.split("|"):
        found += kinds[part.strip().split("[")[0]]
    return found


def _holds(annotation: str, values: Sequence[Any]) -> bool:
    """Whether a list has the items, and where it says so the length, of an annotation 'tuple[int, int] | None'."""
    item, rest = annotation.partition("tuple[")[2].partition("]")[0].split(", ")
    kind = {"int": int, "str": str}[item]
    return all(type(value) is kind for value in values) and (rest == "..." or len(values) == 2)


def make_path(film: Film, G: Generator) -> paths.Path:
    """The path a film walks through G. Raises SettingsError for a value that its walk has no use for."""
    if film.walk not in walks.NAMES:
        raise SettingsError(unknown("walk", film.walk, walks.NAMES))
    if film.pace not in PACES:
        raise SettingsError(unknown("pace", film.pace, PACES))
    walk: Callable[..., paths.Path] = getattr(walks, film.walk)
    path = walk(G, **_walk_options(film, G, set(inspect.signature(walk).parameters)))
    if film.truncate:
        path = path.map(truncation.Truncation(G, film.truncate))
    if film.mix_seed is not None:
        path = _mixed(film, G, path)
    if film.edits:
        book = direction_files.of_network(G, film.network, film.directions)
        path = path.map(directions.edit(G, book, film.edits))
    if film.blend:
        path = _crossing(film, G, path)
    return paths.even(G, path) if film.pace == "even" else path


def _walk_options(film: Film, G: Generator, accepted: set[str]) -> dict[str, Any]:
    own = {option.name: getattr(film, option.name) for option in walk_options.options()}
    given: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
    if film.latents:
        given["latents"] = saved.read_all(film.latents, G.num_ws, G.w_dim)
    for name in given:
        if name not in accepted:
            raise SettingsError(f"--{name} has no meaning for the walk {film.walk!r}: leave it out")
    classes = space.parse_classes(G, film.classes) if film.classes else ()
    return {
        **given,
        "seeds": () if film.latents else film.seeds,
        "classes": classes,
        "seconds": film.seconds,
        "fps": film.fps,
        # A custom truncation replaces psi.
        "psi": 1.0 if film.truncate else film.psi,
        "cutoff": None if film.truncate else film.cutoff,
    }


def _mixed(film: Film, G: Generator, path: paths.Path) -> paths.Path:
    assert film.mix_seed is not None
    c = space.c_of(G, space.parse_classes(G, film.classes)[:1] if film.classes else ())
    other = space.to_ws(G, space.z_of(G, [film.mix_seed]), c, psi=film.psi, cutoff=film.cutoff)
    chosen = space.rows(G.num_ws, film.mix_layers)
    return path.map(lambda ws, u: space.mix_styles(ws, other, chosen))


def _crossing(film: Film, G: Generator, path: paths.Path) -> paths.Path:
    """The walk on its way to the other model's latents, where the mapping is blended too."""
    assert film.blend is not None
    note = blending.parse(film.blend)
    if note.where not in ("", "all", "mapping"):
        return path
    other = load(note.name, G.device)
    there = make_path(replace(film, network=note.name, blend=None, edits=(), pace="as-is"), other)

    def crossed(ws: Tensor, u: NDArray[np.float64]) -> Tensor:
        return torch.lerp(ws, there(u).to(ws), torch.from_numpy(note.amount(u)).to(ws)[:, None, None])

    return path.map(crossed)


def make_scene(film: Film, G: Generator, path: paths.Path) -> Scene | None:
    """What draws the film's frames where its model is bent, blended or laid out; None where it is played as it is."""
    if film.tiles:
        return composition.Panorama(G, path, composition.layout(film.tiles, film.wrap)).at
    if film.translate or film.rotate:
        return transform.parse(film.translate, film.rotate).scene(G)
    bends = bending.Bends(G, film.bends) if film.bends else None
    if film.blend is None:
        return bends.at if bends else None
    note = blending.parse(film.blend)
    blend = blending.Blend(G, load(note.name, G.device), note.amount, note.where or "all")
    return partial(blend.scene, on=bends.on if bends else None)


@dataclass(frozen=True)
class Rendered:
    """What became of a film: the file, its frames, their size (width, height) and the exact frame rate."""

    target: FilePath
    frames: int
    size: tuple[int, int]
    fps: Fraction
    engine: str = ""
    """How it was drawn, '' for plain PyTorch."""
    seconds: float = 0.0
    """Time that drawing and encoding took."""


def check(film: Film) -> None:
    """Raises SettingsError for values that are wrong whatever the model, so that no model is loaded in vain."""
    paths.clock(film.seconds, film.fps)
    space.check_psi(film.psi)
    space.check_cutoff(film.cutoff)
    check_noise_mode(film.noise_mode)
    for line in (*film.edits, *film.truncate, *([film.blend] if film.blend else [])):
        automation.parse(line)
    for line in film.bends:
        bending.check(line)
    for line in film.then:
        chain.parse(line)
    if film.translate or film.rotate:
        transform.parse(film.translate, film.rotate)
        if film.bends or film.blend or film.tiles:
            raise SettingsError("--translate and --rotate go with neither --bend, --blend nor --tiles: leave one out")
    if film.tiles or film.wrap != "none":
        _check_tiles(film)
    if film.size is not None:
        pixels.check_size(film.size)
    if film.fit not in pixels.FITS:
        raise SettingsError(unknown("fit", film.fit, pixels.FITS))


def _check_tiles(film: Film) -> None:
    composition.layout(film.tiles or (1, 1), film.wrap)
    if film.tiles is None:
        raise SettingsError(f"--wrap {film.wrap} has no meaning without --tiles: say --tiles 1x1")
    if film.bends or film.blend or film.noise_mode == "random":
        raise SettingsError("--tiles goes with neither --bend, --blend nor random noise: leave one out")


def make_then(film: Film, G: Generator, *, fast: bool = True) -> chain.Chain | None:
    """The film's translators, None where it has none; `fast` draws them with an engine. Raises LatentartError."""
    if not film.then:
        return None
    return chain.Chain(film.then, G.device, compile_translator if fast else None)


def render(
    film: Film,
    target: str | FilePath,
    *,
    G: Generator | None = None,
    path: paths.Path | None = None,
    synthesis: Synthesis | None = None,
    then: chain.Chain | None = None,
    engine: str = "auto",
    overwrite: bool = False,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
    **options: Any,
) -> Rendered:
    """Renders a film into a file; pictures are made while those before them are encoded.

    G, path: the film's own, where they have been made already.
    engine: "auto" is the fastest way this machine has, or plain PyTorch for films of fewer than 100 frames and where
    the model is changed while it draws; "eager" is plain PyTorch; or a choice by name. The log says what was chosen.
    synthesis: what to draw with instead, for example the engine that `engine_for` makes.
    then: the film's own translators, as `make_then` makes them, where they have been made already.
    on_frame(done, total) is called after each frame; options go to the sink (crf, preset, format).
    Raises LatentartError; KeyboardInterrupt leaves a playable file of what was rendered.
    """
    check(film)
    G = G or load(film.network)
    path = path or make_path(film, G)
    fps = rate.fps(film.fps)
    across, down = film.tiles or (1, 1)
    shape: tuple[int, int] = film.size or (G.img_size[1] * across, G.img_size[0] * down)
    then = then or make_then(film, G, fast=engine != "eager")
    if synthesis is None:
        # Everything that can be wrong is looked at before time is spent.
        probe = open_sink(target, fps=fps, overwrite=overwrite, **options)
        probe.abort()
        if not film.then:
            probe.check_size(*shape)
        synthesis = _engine(film, G, engine, probe)
    drawn_by = {"engine": synthesis.trial.name} if isinstance(synthesis, Engine) else {}
    chained = {"then": then.record()} if then else {}
    settings = {**settings_record(film, G), **drawn_by, **chained, "frames": path.num_frames}
    noise: dict[str, Any] = {"noise_mode": film.noise_mode, "noise_seed": film.noise_seed}
    if isinstance(synthesis, Engine) and synthesis.request.output == "yuv420":
        options["planes"] = True
    sink = open_sink(target, fps=fps, settings=settings, overwrite=overwrite, **options)
    pictures = frames(
        G, path, **noise, size=film.size, fit=film.fit, depth=sink.depth, synthesis=synthesis,
        scene=make_scene(film, G, path), then=transparency.kept(then) if then else None, engine="eager",
    )  # fmt: skip
    made = write(sink, pictures, path.num_frames, on_frame)
    chosen = synthesis.choice if isinstance(synthesis, Engine) else ""
    return Rendered(made.target, made.frames, shape, fps, str(chosen), made.seconds)


def engine_for(film: Film, G: Generator, only: str | None = None, *, depth: int = 8, planes: bool = False) -> Engine:
    """The fastest way this machine has to draw the film in full precision; `only` names one.

    depth, planes: those of the film's sink. Raises LatentartError.
    """
    late = film.size not in (None, G.img_size[::-1]) or bool(film.then)
    return choose_engine(G, only or "auto", film.noise_mode, late=late, depth=depth, planes=planes)


def _engine(film: Film, G: Generator, name: str, sink: Sink) -> Engine | None:
    """The engine that draws the film, None for plain PyTorch. Raises LatentartError."""
    if film.bends or film.blend or film.tiles or film.translate or film.rotate:
        if name not in ("auto", "eager"):
            raise SettingsError(
                f"--engine {name} draws a model as it is: leave it out with --bend, --blend, --tiles, "
                "--translate, --rotate"
            )
        return None
    if name == "auto" and not worth_choosing(name, paths.clock(film.seconds, film.fps)[0]):
        return None
    return engine_for(film, G, None if name == "auto" else name, depth=sink.depth, planes=sink.planes)


def settings_record(film: Film, G: Generator) -> dict[str, Any]:
    """The record that goes into the file: the film, the checkpoint's sha256, versions, device."""
    checkpoint = {"name": G.name, "family": G.family, "sha256": G.sha256}
    return provenance.record(device=G.device, film=film.record(), checkpoint=checkpoint)


def like(file: str | FilePath) -> tuple[Film, str]:
    """The film that made `file`, read from its settings record, and its checkpoint's sha256. Raises LatentartError."""
    record = provenance.read(file)
    if not isinstance(record.get("film"), dict):
        raise SettingsError(f"{str(file)!r} was not made by 'latentart film': its record holds no film")
    if "changed" in record:
        what = f"{str(file)!r} was changed in Python by {record['changed']}, which its record cannot hold"
        raise SettingsError(f"{what}: run that program again")
    checkpoint = record.get("checkpoint")
    sha256 = checkpoint.get("sha256") if isinstance(checkpoint, dict) else None
    return Film.from_record(record["film"]), sha256 if isinstance(sha256, str) else ""


def matched_seeds(film: Film, G: Generator) -> Film:
    """A film whose seeds nobody chose, with one of them for each class that was asked for."""
    count = len(space.parse_classes(G, film.classes)) if film.classes else 1
    if count == 1 or not film.seeds:
        return film
    return replace(film, seeds=tuple(film.seeds[i % len(film.seeds)] for i in range(count)))


def check_same(G: Generator, sha256: str) -> None:
    """Raises SettingsError when G is not the checkpoint that a record names."""
    if sha256 and G.sha256 != sha256:
        raise SettingsError(
            f"{G.name} has sha256 {G.sha256[:12]}..., the film was made with {sha256[:12]}...: "
            "name the right file with --network"
        )
