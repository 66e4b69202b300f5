"""A voice: its sections one after the other, each walking its path, morphing or fading into the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels
from latentart.errors import SettingsError
from latentart.exhibition import automation
from latentart.exhibition.schema import as_keys
from latentart.exhibition.score import Section
from latentart.latent import composition, direction_files, directions, path, space
from latentart.latent.easing import easing
from latentart.media import transparency
from latentart.models.base import Generator, check_noise_mode
from latentart.render import film as films
from latentart.render.frames import Synthesis, random_noise

Array = NDArray[np.float64]
Resize = Callable[[Tensor, tuple[int, int], str], Tensor]


@dataclass(frozen=True)
class Instant:
    """One moment of the film: its time in seconds, its frame number, and what expressions may know."""

    seconds: float
    number: int
    known: Mapping[str, float]


class Part:
    """A section with its model loaded and its path made."""

    def __init__(self, section: Section, G: Generator, fps: str, table: Array | None = None) -> None:
        """table: of an even pace, where it is known (see `paths.even_table`)."""
        self.section, self.G, self.seconds = section, G, section.film.seconds
        self.courses = {name: automation.parse(text, automation.variables(True)) for name, text in section.play}
        self.path = films.make_path(_still(section, fps), G)
        self.table = None
        if section.film.pace == "even":
            self.table = path.even_table(G, self.path) if table is None else table
            self.path = path.retimed(self.path, self.table)
        # What an engine would be chosen for differs from machine to machine, and so would the frames.
        self.then = films.make_then(section.film, G, fast=False)
        self._scene = None if section.film.tiles else films.make_scene(section.film, G, self.path)
        self._pushes = [self._push(name) for name in self.courses if name not in automation.PARAMETERS]
        self._mixed = self._other_ws() if "mix" in self.courses else None
        book = direction_files.of_network(G, section.film.network, section.film.directions)
        # Edits are added after truncation, so those of a section whose psi moves come after it here.
        own = section.film.edits if {"psi", "mix"} & self.courses.keys() else ()
        self._edit = directions.edit(G, book, own)

    def ws(self, local: float, known: Mapping[str, float]) -> Tensor:
        """The latents `local` seconds after the section's beginning, [1, num_ws, w_dim]; past its end it goes on."""
        moment = self._moment(local, known)
        return self._ws_at(self._place(local, moment), moment)

    def _place(self, local: float, moment: Mapping[str, float]) -> Array:
        """Phase of the walk `local` seconds after the section's beginning, [1]."""
        place = local / self.seconds * self.section.loops + self._value("phase", moment, 0.0)
        return np.array([place % 1.0])

    def _ws_at(self, u: Array, moment: Mapping[str, float]) -> Tensor:
        """Phases u [N] of the walk -> ws [N, num_ws, w_dim], everything played on it as it is at this moment."""
        ws = self.path(u)
        if "psi" in self.courses:
            ws = self._pulled(ws, self._value("psi", moment, 1.0))
        if self._mixed is not None:
            share = min(max(self._value("mix", moment, 0.0), 0.0), 1.0)
            chosen = space.rows(self.G.num_ws, self.section.film.mix_layers)
            ws = space.mix_styles(ws, ws + (self._mixed - ws) * share, chosen)
        ws = self._edit(ws, u)
        for name, direction, vector in self._pushes:
            far = float(direction.far(np.array(self._value(name, moment, 0.0))))
            ws = ws + (far * vector).to(ws)
        return ws

    def draw(self, ws: Tensor, local: float, now: Instant) -> Tensor:
        """ws [1, num_ws, w_dim], `local` seconds after the section's beginning -> picture [1, 3 or 4, H, W] in [-1, 1].

        What a film moves over its loop (bends, blends, translators) moves with the walk.
        """
        film, moment = self.section.film, self._moment(local, now.known)
        u = self._place(local, moment)
        mode = check_noise_mode(film.noise_mode)
        noise = random_noise(self.G, film.noise_seed, np.array([now.number])) if mode == "random" else None
        img: Tensor = self._drawing(u, moment)(ws, noise_mode="const" if noise else mode, noise=noise)
        # Memory of its own: what comes after works in place, because at 3840x2160 each copy takes 100 MB.
        return img.float().expand(-1, max(3, img.shape[1]), -1, -1).contiguous()

    def dressed(self, img: Tensor, local: float, now: Instant) -> Tensor:
        """A picture [1, 3 or 4, H, W] in its final size, through the section's translators."""
        if not self.then:
            return img
        return transparency.kept(self.then)(img, self._place(local, self._moment(local, now.known)))

    def _drawing(self, u: Array, moment: Mapping[str, float]) -> Synthesis:
        film = self.section.film
        if film.tiles:
            layout = composition.layout(film.tiles, film.wrap)
            return composition.Panorama(self.G, lambda places: self._ws_at(places, moment), layout).at(u)
        return self._scene(u) if self._scene else self.G.synthesis

    def morphs_from(self, before: Part) -> bool:
        """Whether latents on the way from the other part are drawn by both in the same way."""
        here, there = self.section.film, before.section.film
        alike = all(getattr(here, name) == getattr(there, name) for name in ("then", "bends", "blend"))
        return self.G is before.G and alike and not here.tiles and not there.tiles

    def light(self, local: float, known: Mapping[str, float]) -> float:
        """Brightness factor of the section at a time; 1 leaves the picture unchanged."""
        return max(0.0, self._value("light", self._moment(local, known), 1.0))

    def _moment(self, local: float, known: Mapping[str, float]) -> dict[str, float]:
        return {**known, "s": min(max(local / self.seconds, 0.0), 1.0)}

    def _value(self, name: str, moment: Mapping[str, float], otherwise: float) -> float:
        return self.courses[name](moment) if name in self.courses else otherwise

    def _pulled(self, ws: Tensor, psi: float) -> Tensor:
        pulled = self.G.w_avg + psi * (ws - self.G.w_avg)
        cutoff = space.check_cutoff(self.section.film.cutoff, self.G.num_ws)
        return pulled if cutoff is None else torch.cat([pulled[:, :cutoff], ws[:, cutoff:]], dim=1)

    def _push(self, name: str) -> tuple[str, directions.Direction, Tensor]:
        film = self.section.film
        book = direction_files.of_network(self.G, film.network, film.directions)
        plain, _, where = name.partition("@")
        direction = directions.named(self.G, book, plain)
        return name, direction, torch.from_numpy(direction.rows(self.G.num_ws, where)).to(self.G.device)

    def _other_ws(self) -> Tensor:
        film = self.section.film
        mixes = space.parse_classes(self.G, film.classes)[:1] if film.classes else ()
        z = space.z_of(self.G, [film.mix_seed or 0])
        return space.to_ws(self.G, z, space.c_of(self.G, mixes), psi=film.psi, cutoff=film.cutoff)


def _still(section: Section, fps: str) -> films.Film:
    """The section's film without what moves in it."""
    # Its pace is taken care of by the part, which may know its table.
    film = replace(section.film, fps=fps, pace="as-is")
    names = {name for name, _ in section.play}
    if "mix" in names or "psi" in names:
        mix_seed = None if "mix" in names else film.mix_seed
        film = replace(film, edits=(), mix_seed=mix_seed)
    return replace(film, psi=1.0) if "psi" in names else film


class Voice:
    """Parts in order. A transition takes the first seconds of the part it leads to."""

    def __init__(self, parts: list[Part], resize: Resize = pixels.resize_straight) -> None:
        self.parts, self.resize = parts, resize
        self.starts = np.concatenate([[0.0], np.cumsum([part.seconds for part in parts])])
        self.seconds = float(self.starts[-1])

    def picture(self, now: Instant, size: tuple[int, int], fit: str) -> Tensor:
        """The picture at a moment, [1, 3 or 4, height, width] in [-1, 1] for size (width, height)."""
        t = now.seconds % self.seconds
        index = min(int(np.searchsorted(self.starts, t, side="right")) - 1, len(self.parts) - 1)
        part, before = self.parts[index], self.parts[index - 1]
        local = t - float(self.starts[index])
        share = self._share(part, local)
        if share >= 1 or part is before:
            return self._shown(part, part.ws(local, now.known), local, now, size=size, fit=fit)
        past = before.seconds + local
        if part.section.transition.kind != "fade" and part.morphs_from(before):
            ws = torch.lerp(before.ws(past, now.known), part.ws(local, now.known), share)
            old, new = before.light(past, now.known), part.light(local, now.known)
            return _lit(self._drawn(part, ws, local, now, size=size, fit=fit), old + (new - old) * share)
        old_picture = self._shown(before, before.ws(past, now.known), past, now, size=size, fit=fit)
        new_picture = self._shown(part, part.ws(local, now.known), local, now, size=size, fit=fit)
        if old_picture.shape[1] != new_picture.shape[1]:
            old_picture, new_picture = _opaque(old_picture), _opaque(new_picture)
        return old_picture.lerp_(new_picture, share)

    def _share(self, part: Part, local: float) -> float:
        """How much of the new part there is: 0 at the beginning of its transition, 1 after it."""
        transition = part.section.transition
        seconds = part.section.crossing
        if transition.kind == "cut" or local >= seconds:
            return 1.0
        return float(easing(transition.easing)(np.array(local / seconds)))

    def _shown(self, part: Part, ws: Tensor, local: float, now: Instant, *, size: tuple[int, int], fit: str) -> Tensor:
        return _lit(self._drawn(part, ws, local, now, size=size, fit=fit), part.light(local, now.known))

    def _drawn(self, part: Part, ws: Tensor, local: float, now: Instant, *, size: tuple[int, int], fit: str) -> Tensor:
        img = part.draw(ws, local, now)
        if part.G.border and not part.section.film.tiles:
            # On a wall edges meet: mirrored, or beside each other.
            img = pixels.trimmed(img, part.G.border)
        sized = img if img.shape[-2:] == size[::-1] else self.resize(img, size, fit)
        return part.dressed(sized, local, now)


def _lit(img: Tensor, light: float) -> Tensor:
    if light != 1:
        img[:, :3].add_(1).mul_(light).sub_(1)
    return img


def _opaque(img: Tensor) -> Tensor:
    """[N, 3 or 4, H, W] -> [N, 4, H, W]."""
    return img if img.shape[1] == 4 else transparency.with_alpha(img, torch.ones_like(img[:, :1]))


def open_voices(
    sections: Mapping[str, list[Section]],
    models: Mapping[str, Generator],
    fps: str,
    resize: Resize = pixels.resize_straight,
    tables: Mapping[tuple[str, int], Array] = MappingProxyType({}),
) -> dict[str, Voice]:
    """Voices by name. Sections of one network share one model, so that they can morph.

    resize: what brings pictures to the size of their tiles. tables: of even paces, by voice and place.
    """

    def part(name: str, place: int, section: Section) -> Part:
        try:
            return Part(section, models[section.film.network], fps, tables.get((name, place)))
        except SettingsError as error:
            of = f"section {place + 1} of voice {name!r}" if len(sections) > 1 else f"section {place + 1}"
            raise SettingsError(f"{of}: {as_keys(str(error))}") from error

    return {name: Voice([part(name, n, each) for n, each in enumerate(its)], resize) for name, its in sections.items()}
