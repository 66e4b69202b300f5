"""What a training begins with: our files and run folders, NVIDIA's pickles, rosinality's files.

What fits by name and shape is taken, the rest stays fresh, and the notes list it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentart.errors import WeightsError
from latentart.models import state, stylegan2
from latentart.models.stylegan2 import rosinality
from latentart.training.gan import build
from latentart.training.gan.critics import discriminator
from latentart.training.gan.settings import Settings
from latentart.weights import cards, safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.containers import nvidia_pickle
from latentart.weights.open import open_checkpoint

NETWORK = "network.safetensors"
WARM, WARM_MOST = 2000, 20_000
"""Least and most pictures that a fresh critic learns alone, before it teaches a trained generator."""
SURE = 0.5
"""E[sign D(real)] at which a fresh critic knows enough: one that guesses is fooled at once, and both forget."""


@dataclass(frozen=True)
class Source:
    """Networks to begin with. average: the generator's; raw: its weights of the last step, where the file has them.

    critic is empty when there is none.
    """

    name: str
    average: Checkpoint
    raw: Mapping[str, Tensor]
    critic: Mapping[str, Tensor]
    critic_config: Mapping[str, Any]

    @property
    def config(self) -> stylegan2.Config:
        """The generator's shape."""
        return state.config_of(stylegan2.Config, self.average.config)


@dataclass(frozen=True)
class Begun:
    """Notes: what was taken, in words. fresh: the critic is, and first learns alone."""

    notes: tuple[str, ...] = ()
    fresh: bool = False


def read(settings: Settings) -> Source | None:
    """The networks that `settings.start` names; None when it is empty. Raises WeightsError."""
    if not settings.start:
        return None
    given = Path(settings.start)
    path = given / NETWORK if given.is_dir() else given
    found = open_checkpoint(str(path) if given.is_dir() else settings.start)
    family = found.config.get("family")
    wanted = {"stylegan2": "stylegan2", "progan": "progan"}[settings.net]
    if family != wanted:
        advice = f"begin with a {wanted} generator" + (", or give --net progan" if family == "progan" else "")
        raise WeightsError(f"{settings.start!r} holds a network of family {str(family)!r}: {advice}")
    raw, critic, config = _beside(path, found, settings)
    return Source(settings.start, found, raw, critic, config)


def _beside(path: Path, found: Checkpoint, settings: Settings) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor],
                                                                       Mapping[str, Any]]:  # fmt: skip
    """(the generator's weights of the last step, critic, its config) in the same file or beside it."""
    if settings.critic == "ada" and found.source == nvidia_pickle.SOURCE:
        return _of_pickle(path, found)
    if settings.critic == "ada" and found.source == rosinality.SOURCE:
        return found.tensors, rosinality.read_critic(path), {"architecture": "resnet"}
    for candidate in _critic_files(path, found.name):
        if candidate.is_file():
            stored = safe.read(candidate)
            fits = stored.config.get("family") == build.CRITIC_FAMILIES[settings.critic]
            return found.tensors, stored.tensors if fits else {}, stored.config
    return found.tensors, {}, {}


def _of_pickle(path: Path, found: Checkpoint) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor], Mapping[str, Any]]:
    raw = nvidia_pickle.read_raw(path)
    try:
        critic, config = nvidia_pickle.read_critic(path)
    except WeightsError:
        return raw, {}, {}
    fits = config.get("architecture", "resnet") == "resnet" and "b4.fc.weight" in critic
    return raw, critic if fits else {}, config


def _critic_files(path: Path, name: str) -> list[Path]:
    """Where the critic of a generator can lie: beside network.safetensors, or NAME.critic.safetensors."""
    if not path.exists() and name in cards.names():
        path = cards.card(name).path
    ours = [path.with_name(build.CRITIC_FILE)] if path.name == NETWORK else []
    return [*ours, path.with_name(f"{path.name.removesuffix('.safetensors')}.critic.safetensors")]


def shaped(settings: Settings, source: Source | None) -> Settings:
    """Settings whose widths, latents and mapping are those of the source, unless they are given.

    The average begins with the source's own: there is no ramp, in which it would follow each step at once.
    """
    if source is None:
        return settings
    settings = replace(settings, ramp=None)
    if settings.net != "stylegan2" or settings.base or settings.most or settings.latent:
        return settings
    config = source.config
    widths = config.widths[: settings.blocks]
    while len(widths) < settings.blocks:
        widths = (*widths, max(widths[-1] // 2, 4))
    return replace(settings, exact=widths, latent=config.z_dim, mapping=len(config.mapping_widths))


def begin(G: torch.nn.Module, D: torch.nn.Module, source: Source | None, settings: Settings) -> Begun:
    """Gives both networks what the source holds. Raises WeightsError when nothing fits."""
    if source is None:
        return Begun()
    notes = [_told("generator", take(G, source.raw), source.name)]
    if not source.critic:
        span = f"{WARM} to {WARM_MOST} pictures"
        notes.append(f"{source.name!r} has no {settings.critic} critic: a fresh one learns alone for {span}")
        return Begun(tuple(notes), True)
    notes.append(_told("critic", take(D, source.critic), source.name))
    return Begun(tuple(notes))


class Warming:
    """A fresh critic learns alone until it tells real pictures from generated ones, within limits."""

    def __init__(self, active: bool) -> None:
        self.active = active
        self.pictures, self.sure = 0, 0.0

    def update(self, pictures: int, sign: float | None) -> None:
        """After a step of so many pictures. sign: E[sign D(real)] of it; None for critics without logits."""
        if not self.active:
            return
        self.pictures += pictures
        self.sure += ((1.0 if sign is None else sign) - self.sure) * min(pictures / 500, 1.0)
        self.active = self.pictures < WARM_MOST and (self.pictures < WARM or self.sure < SURE)

    def tensors(self) -> dict[str, Tensor]:
        """Everything a later process needs to go on."""
        return {"warming": torch.tensor([self.active, self.pictures, self.sure], dtype=torch.float64)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Loads what `tensors` returned."""
        active, pictures, self.sure = tensors["warming"].tolist()
        self.active, self.pictures = bool(active), int(pictures)


def take(net: torch.nn.Module, tensors: Mapping[str, Tensor]) -> tuple[int, list[str]]:
    """Copies what fits by name and shape -> (how many tensors, names of those that stay fresh)."""
    own = net.state_dict()
    fits = [name for name, t in own.items() if name in tensors and tensors[name].shape == t.shape]
    with torch.no_grad():
        for name in fits:
            own[name].copy_(tensors[name])
    fixed = ("resample_filter", "noise_const")
    return len(fits), [name for name in own if name not in fits and not name.endswith(fixed)]


def _told(what: str, taken: tuple[int, list[str]], name: str) -> str:
    count, fresh = taken
    if not count:
        raise WeightsError(f"no tensor of {name!r} fits this {what}: leave out --base, --most and --latent")
    if not fresh:
        return f"{what}: all of {name!r} taken"
    shown = ", ".join(fresh[:4]) + (f" and {len(fresh) - 4} more" if len(fresh) > 4 else "")
    return f"{what}: {count} tensors of {name!r} taken; fresh: {shown}"


def critic_shape(source: Source | None) -> discriminator.Config | None:
    """The shape of the source's discriminator; None when it has none of this kind."""
    if source is None or not source.critic or source.critic_config.get("family") == build.CRITIC_FAMILIES["projected"]:
        return None
    return discriminator.read_config(source.critic, source.critic_config)
