"""A voice: its sections one after the other, each walking its path, morphing or fading into the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from latentart import films, pixels
from latentart.exhibition import course
from latentart.exhibition.score import Section
from latentart.frames import random_noise
from latentart.latent import direction_files, directions, space
from latentart.latent.easing import easing
from latentart.models.base import Generator, check_noise_mode


@dataclass(frozen=True)
class Instant:
    """One moment of the film: its time in seconds, its frame number, and what expressions may know."""

    seconds: float
    number: int
    known: Mapping[str, float]


class Part:
    """A section with its model loaded and its path made."""

    def __init__(self, section: Section, G: Generator, fps: str) -> None:
        self.section, self.G, self.seconds = section, G, section.film.seconds
        self.courses = {name: course.parse(text, course.variables(True)) for name, text in section.play}
        self.path = films.make_path(_still(section, fps), G)
        self._pushes = [self._push(name) for name in self.courses if name not in course.PARAMETERS]
        self._mixed = self._other_ws() if "mix" in self.courses else None
        book = direction_files.of_network(G, section.film.network, section.film.directions)
        # Edits are added after truncation, so those of a section whose psi moves come after it here.
        own = section.film.edits if {"psi", "mix"} & self.courses.keys() else ()
        self._edit = directions.edit(G, book, own)

    def ws(self, local: float, known: Mapping[str, float]) -> Tensor:
        """The latents `local` seconds after the section's beginning, [1, num_ws, w_dim]; past its end it goes on."""
        moment = self._moment(local, known)
        place = local / self.seconds * self.section.loops + self._value("phase", moment, 0.0)
        u = np.array([place % 1.0])
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

    def draw(self, ws: Tensor, now: Instant) -> Tensor:
        """ws [1, num_ws, w_dim] -> picture [1, 3, H, W] in [-1, 1]."""
        film = self.section.film
        mode = check_noise_mode(film.noise_mode)
        noise = random_noise(self.G, film.noise_seed, np.array([now.number])) if mode == "random" else None
        img: Tensor = self.G.synthesis(ws, noise_mode="const" if noise else mode, noise=noise)
        return img.float().expand(-1, 3, -1, -1)

    def light(self, local: float, known: Mapping[str, float]) -> float:
        """Brightness, 1 as it is."""
        return max(0.0, self._value("light", self._moment(local, known), 1.0))

    def _moment(self, local: float, known: Mapping[str, float]) -> dict[str, float]:
        return {**known, "s": min(max(local / self.seconds, 0.0), 1.0)}

    def _value(self, name: str, moment: Mapping[str, float], otherwise: float) -> float:
        return self.courses[name](moment) if name in self.courses else otherwise

    def _pulled(self, ws: Tensor, psi: float) -> Tensor:
        pulled = self.G.w_avg + psi * (ws - self.G.w_avg)
        cutoff = self.section.film.cutoff
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
    film = replace(section.film, fps=fps)
    names = {name for name, _ in section.play}
    if "mix" in names or "psi" in names:
        mix_seed = None if "mix" in names else film.mix_seed
        film = replace(film, edits=(), mix_seed=mix_seed)
    return replace(film, psi=1.0) if "psi" in names else film


class Voice:
    """Parts in order. A transition takes the first seconds of the part it leads to."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self.starts = np.concatenate([[0.0], np.cumsum([part.seconds for part in parts])])
        self.seconds = float(self.starts[-1])

    def picture(self, now: Instant, size: tuple[int, int], fit: str) -> Tensor:
        """The picture at a moment, [1, 3, height, width] in [-1, 1] for size (width, height)."""
        t = now.seconds % self.seconds
        index = min(int(np.searchsorted(self.starts, t, side="right")) - 1, len(self.parts) - 1)
        part, before = self.parts[index], self.parts[index - 1]
        local = t - float(self.starts[index])
        share = self._share(part, local)
        if share >= 1 or part is before:
            return self._shown(part, part.ws(local, now.known), local, now, size, fit)
        past = before.seconds + local
        if part.section.transition.kind != "fade" and part.G is before.G:
            ws = torch.lerp(before.ws(past, now.known), part.ws(local, now.known), share)
            old, new = before.light(past, now.known), part.light(local, now.known)
            return _lit(_sized(part.draw(ws, now), size, fit), old + (new - old) * share)
        old_picture = self._shown(before, before.ws(past, now.known), past, now, size, fit)
        new_picture = self._shown(part, part.ws(local, now.known), local, now, size, fit)
        return torch.lerp(old_picture, new_picture, share)

    def _share(self, part: Part, local: float) -> float:
        """How much of the new part there is: 0 at the beginning of its transition, 1 after it."""
        transition = part.section.transition
        if transition.kind == "cut" or local >= transition.seconds:
            return 1.0
        return float(easing(transition.easing)(np.array(local / transition.seconds)))

    def _shown(self, part: Part, ws: Tensor, local: float, now: Instant, size: tuple[int, int], fit: str) -> Tensor:
        return _lit(_sized(part.draw(ws, now), size, fit), part.light(local, now.known))


def _sized(img: Tensor, size: tuple[int, int], fit: str) -> Tensor:
    return img if img.shape[-2:] == size[::-1] else pixels.resize(img, size, fit)


def _lit(img: Tensor, light: float) -> Tensor:
    return img if light == 1 else (img + 1) * light - 1


def open_voices(sections: Mapping[str, list[Section]], models: Mapping[str, Generator], fps: str) -> dict[str, Voice]:
    """Voices by name. Sections of one network share one model, so that they can morph."""
    return {
        name: Voice([Part(section, models[section.film.network], fps) for section in its])
        for name, its in sections.items()
    }
