"""From a name, a file or a folder to a translator that is ready to play."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from latentart import folder, translators
from latentart.errors import SettingsError, WeightsError, unknown
from latentart.models.device import choose_device
from latentart.translators.base import Translator
from latentart.weights import cards, safe
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.open import open_checkpoint
from latentart.weights.plain.open import open_plain
from latentart.weights.stylegan2 import Parts
from latentart.weights.torch_file import is_average

LONGEST_SHOWN, SHOWN_OF_A_NAME = 200, 60
SHOWN_NAMES, SHOWN_FAMILIES = 4, 2


class Family(Protocol):
    """A module of this folder that builds one family."""

    FAMILY: str
    LOOKS_FOR: str
    """The keys by which its files are known, for error messages."""

    def matches(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether these tensors, in the names of their origin, are of this family."""
        ...

    def complete(self, tensors: Mapping[str, Tensor], path: Path) -> Parts:
        """Tensors in our own names, config (JSON types) and switches in words. Raises WeightsError naming keys.

        path: the file, for families with options in a file beside it.
        """
        ...

    def build(self, checkpoint: Checkpoint) -> Translator:
        """The network of tensors in our own names; keyword arguments after the first are switches."""
        ...


def load_translator(name_or_path: str | Path, device: str | torch.device | None = None, **switches: Any) -> Translator:
    """A translator's name ('mosaic26'), file or folder -> Translator in eval mode, float32.

    device: 'cpu', 'cuda', 'mps'...; None takes a CUDA device when there is one. switches: the family's own (for
    pix2pix: dropout, norm). Raises WeightsError for what is no translator or of no known layout, SettingsError.
    """
    checkpoint = _opened(name_or_path)
    family = families()[checkpoint.config["family"]]
    if getattr(family, "KIND", "") == "upscale":
        raise SettingsError(f"{checkpoint.name!r} makes pictures larger: give it to latentart exhibit --upscale")
    _check_switches(family, switches)
    T = family.build(checkpoint, **switches)
    T.name, T.sha256, T.family = checkpoint.name, checkpoint.sha256, family.FAMILY
    T.inferred = tuple(T.inferred) or checkpoint.inferred
    T.licence = str(checkpoint.card.get("license", "")) or T.licence
    T.eval().requires_grad_(False).to(choose_device(device))
    return T.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


def _opened(name_or_path: str | Path) -> Checkpoint:
    """See `open_translator`; the file of a generator is called one, in whichever format."""
    try:
        return open_translator(name_or_path)
    except WeightsError as error:
        try:
            found = open_checkpoint(name_or_path)
        except WeightsError:
            raise error from error.__cause__
        return _ours(found)


def open_translator(name_or_path: str | Path) -> Checkpoint:
    """The checkpoint of a translator, its tensors in our own names, 'family' in its config. Raises WeightsError."""
    text, path = str(name_or_path), Path(name_or_path)
    if not isinstance(name_or_path, Path) and text in builtin():
        known_as = builtin()[text].FAMILY
        return Checkpoint({}, {"family": known_as}, "", "built in", known_as)
    named = not isinstance(name_or_path, Path) and text in cards.names()
    there = os.path.exists(path)  # False also for what can be no path
    if named or (there and path.is_file() and _is_ours(path)):
        return _ours(open_checkpoint(name_or_path))
    if not there:
        raise WeightsError(
            unknown("translator", text[:LONGEST_SHOWN], names()) + " and there is no such file or folder"
        )
    found = open_plain(path)
    where, family = _recognised(found.groups, path)
    parts = family.complete(found.groups[where], path)
    config = {**parts.config, "family": family.FAMILY}
    known = cards.by_sha256(found.sha256)
    card = known.facts if known else {}
    words = (*parts.inferred, *([f"the averaged weights, {where}"] if is_average(where) else []))
    return Checkpoint(parts.tensors, config, found.sha256, found.source, path.stem, words, card)


def families() -> dict[str, Family]:
    """Name -> module of this folder, of those that build a translator."""
    found = [import_module(f"latentart.translators.{name}") for name in folder.modules_below(translators.__path__)]
    return {module.FAMILY: cast(Family, module) for module in found if hasattr(module, "FAMILY")}


def builtin() -> dict[str, Family]:
    """Name -> family of those that need no file: a module says BUILTIN, the names it goes by."""
    return {name: family for family in families().values() for name in getattr(family, "BUILTIN", ())}


def names() -> list[str]:
    """Names of the translators at hand: those that need no file, and the cards that describe translators."""
    known = families()
    carded = [name for name in cards.names() if cards.card(name).facts.get("family") in known]
    return sorted({*builtin(), *carded})


def _is_ours(path: Path) -> bool:
    try:
        return safe.is_ours(path)
    except OSError as error:
        raise WeightsError(f"cannot read {str(path)!r}: {error.strerror or error} (check the file)") from error
    except WeightsError as error:
        raise type(error)(f"cannot read {str(path)!r}: {error}") from error


def _ours(checkpoint: Checkpoint) -> Checkpoint:
    family = checkpoint.config.get("family")
    if family not in families():
        raise WeightsError(f"{checkpoint.name!r} is a generator of family {family!r}, not a translator: use load()")
    return checkpoint


def _recognised(groups: Mapping[str, Mapping[str, Tensor]], path: Path) -> tuple[str, Family]:
    """The name of the first group of tensors that one family claims, and the family."""
    for where, tensors in groups.items():
        claims = [family for family in families().values() if family.matches(tensors)]
        if len(claims) > 1:
            raise WeightsError(f"{str(path)!r} is claimed by {', '.join(f.FAMILY for f in claims)}")
        if claims:
            return where, claims[0]
    names = sorted(name for tensors in groups.values() for name in tensors)
    raise WeightsError(f"{str(path)!r} has an unknown layout: {_seen(names)}; {_nearest(names)}")


def _seen(names: Sequence[str]) -> str:
    """'12 tensors, a.weight, b.weight, c.weight ...'."""
    first = ", ".join(name[:SHOWN_OF_A_NAME] for name in names[:SHOWN_NAMES])
    return f"{len(names)} tensors, {first}{' ...' if len(names) > SHOWN_NAMES else ''}"


def _nearest(names: Sequence[str]) -> str:
    """What is looked for by the families whose names share most words with these; their names alone if none does."""
    own = _words(" ".join(names))
    shared = {family: len(own & _words(module.LOOKS_FOR)) for family, module in families().items()}
    near = [family for family in sorted(shared, key=lambda f: -shared[f]) if shared[family]][:SHOWN_FAMILIES]
    if not near:
        return f"none of {', '.join(shared)}"
    return f"nearest {', '.join(f'{family} (looks for {families()[family].LOOKS_FOR})' for family in near)}"


def _words(text: str) -> set[str]:
    """The words in names of tensors that say something: 'conv_block' of 'model.1.conv_block.5.weight'."""
    return set(re.findall(r"[A-Za-z][A-Za-z_]{3,}", text)) - {"weight", "weights", "bias", "with"}


def _check_switches(family: Family, switches: Mapping[str, Any]) -> None:
    accepted = list(inspect.signature(family.build).parameters)[1:]
    for name in switches:
        if name not in accepted:
            raise SettingsError(unknown(f"switch of {family.FAMILY}", name, accepted))
