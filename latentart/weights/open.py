"""One door for every network: a name, a file or a folder -> its Checkpoint.

A container (`weights/containers`) turns bytes into tensors and what the file states; a family (`weights/families`)
is then asked once what they mean. A family that the file states is asked alone; otherwise the names of the tensors
decide among all of them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from latentart import folder
from latentart.errors import WeightsError, out_of_memory, unknown
from latentart.files import regular
from latentart.weights import cards, containers, families, sniff
from latentart.weights.checkpoint import Checkpoint, Contents, Origin
from latentart.weights.families import Family, Kind

HEAD, LARGEST_FILE = 4096, 16 << 30
OURS = "safetensors_file"
NETWORKS = (".safetensors", ".pkl", ".npz", ".pict", ".pb", ".onnx")
"""Endings of files that are named when a folder is no network itself."""
MOST_FILES, LONGEST_SHOWN, SHOWN_OF_A_NAME, SHOWN_NAMES, SHOWN_FAMILIES = 4096, 200, 60, 4, 2


class Container(Protocol):
    """A module of `latentart.weights.containers`."""

    SOURCE: str

    def matches(self, path: Path, head: bytes) -> bool:
        """Whether the file (or folder: `head` is empty) is of this kind."""
        ...

    def read(self, path: Path) -> Contents:
        """Its tensors and what it states. Raises WeightsError, RefusedError."""
        ...


def open_checkpoint(name_or_path: str | Path, kind: Kind | None = None) -> Checkpoint:
    """Reads the network of a card's name ('landscapes-256'), of a file or of a folder.

    kind: what is wanted, for the names that an unknown one is compared with; the other kind is returned all the same.
    Raises WeightsError for an unknown name, a file that cannot be read or holds no network known here, and its kind
    RefusedError for one that asks for code or for more than it holds. Nothing in a file is executed.
    """
    named = _named(name_or_path, kind)
    if isinstance(named, Checkpoint):
        return named
    path = named.path if named else Path(name_or_path)
    try:
        contents = _read(path, named)
        found = _recognised(path, contents)
    except FileNotFoundError as error:
        raise WeightsError(f"cannot read {_shown(path)}: there is no such file (check the path)") from error
    except OSError as error:
        raise WeightsError(f"cannot read {_shown(path)}: {error.strerror or error} (check the file)") from error
    except WeightsError as error:
        raise type(error)(f"cannot read {_shown(path)}: {error}") from error
    except (MemoryError, RuntimeError) as error:
        raise _without_memory(path, error) from error
    return _labelled(dataclasses.replace(found, name=path.stem), named or cards.by_sha256(found.sha256))


def open_file(path: Path) -> Contents:
    """What the container of a file or folder holds, whichever network it is. Raises WeightsError, RefusedError."""
    try:
        return _read(path, None)
    except OSError as error:
        raise WeightsError(f"cannot read {_shown(path)}: {error.strerror or error} (check the path)") from error
    except WeightsError as error:
        raise type(error)(f"cannot read {_shown(path)}: {error}") from error
    except (MemoryError, RuntimeError) as error:
        raise _without_memory(path, error) from error


def names(kind: Kind | None = None) -> list[str]:
    """Names of the networks at hand, of that kind or of both: cards, and translators that need no file.

    A card without a family is a generator's. One that cannot be read is passed over with a warning.
    """
    known = [card.name for card in cards.readable() if _is_of(card.facts.get("family"), kind)]
    return sorted({*known, *(builtin() if kind != "generator" else ())})


def builtin() -> dict[str, Family]:
    """Name -> family of those that need no file: a module has BUILTIN, the names it goes by."""
    known = families.families("translator").values()
    return {name: family for family in known for name in getattr(family, "BUILTIN", ())}


def formats() -> list[Container]:
    """The modules that read a container."""
    return [found for name in folder.modules(containers.__path__) if hasattr(found := _container(name), "matches")]


def _is_of(family: object, kind: Kind | None) -> bool:
    own = "generator" if family is None else families.kind_of(str(family))
    return own is not None and kind in (None, own)


def _named(name_or_path: str | Path, kind: Kind | None) -> cards.Card | Checkpoint | None:
    """The card that is named, the checkpoint of a network without a file, or None for a path."""
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or "\\" in text:
        return None
    if text in cards.names():
        return cards.card(text)
    if text in (without_file := builtin()):
        family = without_file[text].FAMILY
        return Checkpoint({}, {"family": family}, "", "built in", family)
    if "." not in text and not Path(text).exists():
        raise WeightsError(
            unknown(kind if kind == "translator" else "checkpoint", text[:LONGEST_SHOWN], names(kind))
            + f" and there is no such file{' or folder' if kind == 'translator' else ''}"
        )
    return None


def _without_memory(path: Path, error: Exception) -> Exception:
    """The error as a WeightsError when memory ran out, as it is when something else went wrong."""
    if not out_of_memory(error):
        return error
    return WeightsError(f"cannot read {_shown(path)}: its tensors do not fit into this machine's free memory")


def _shown(path: Path) -> str:
    return repr(str(path))


def _read(path: Path, known: cards.Card | None) -> Contents:
    if known and (sha256 := sha256_of(path)) != known.sha256:
        raise WeightsError(f"is not the file its card {known.name!r} describes: sha256 {sha256} (download it again)")
    container = _container_of(path)
    contents = container.read(path)
    # Afterwards: what is refused need not be hashed, and sparse gigabytes take no room but a minute.
    return dataclasses.replace(contents, sha256=known.sha256 if known else sha256_of(path), source=container.SOURCE)


def sha256_of(path: Path) -> str:
    """Hash of a regular file, or of all files in a folder with their names, in the order of their names.

    Raises WeightsError for a pipe or a device, which could last for ever.
    """
    if "\0" in str(path):
        raise WeightsError("a path with a zero byte in it")
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        inside = sorted(p for p in path.rglob("*") if p.is_file())[:MOST_FILES]
        lines = "".join(f"{p.relative_to(path).as_posix()} {sha256_of(p)}\n" for p in inside)
        return hashlib.sha256(lines.encode()).hexdigest()
    if not stat.S_ISREG(mode):
        raise WeightsError("neither a file nor a folder")
    with regular.opened(path) as file:
        # A sparse file of terabytes costs nothing to make, and hours to read.
        if os.fstat(file.fileno()).st_size > LARGEST_FILE:
            raise WeightsError(f"it has more than {LARGEST_FILE} bytes, which no checkpoint has")
        return hashlib.file_digest(file, "sha256").hexdigest()


def _container(name: str) -> Container:
    return cast(Container, importlib.import_module(f"{containers.__name__}.{name}"))


def _container_of(path: Path) -> Container:
    """The one container that a file or folder is. Our own is asked first, so that no other has to be imported."""
    head = b""
    if not path.is_dir():
        with regular.opened(path) as file:
            head = file.read(HEAD)
    if head and (ours := _container(OURS)).matches(path, head):
        return ours
    found = [c for c in formats() if (head or path.is_dir()) and c.matches(path, head)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(c.SOURCE for c in (found or formats()))
    if found:
        raise WeightsError(f"several containers claim the file: {known}")
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.suffix in NETWORKS and p.is_file())[:SHOWN_NAMES]
        files = f": name a file in it, such as {', '.join(map(repr, inside))}" if inside else ""
        raise WeightsError(
            f"a folder, not a file, and no network in it that can be read{files} (formats read: {known})"
        )
    raise WeightsError(f"not a checkpoint: it looks like {sniff.describe(head)} (formats read: {known})")


def _recognised(path: Path, contents: Contents) -> Checkpoint:
    """The checkpoint that the family of a file makes of its contents."""
    family = contents.stated.get("family")
    if family is not None:
        return _stated(family, contents)
    group, found = _family_of(contents)
    origin = Origin(path, group, contents)
    parts = found.convert(contents.groups[group], origin)
    if origin.averaged and families.kind_of(found.FAMILY) == "translator":
        parts = parts._replace(inferred=(*parts.inferred, f"the averaged weights, {group}"))
    config = {"family": found.FAMILY, **parts.config}
    source = parts.source or contents.source
    return Checkpoint(parts.tensors, config, contents.sha256, source, inferred=parts.inferred, card=contents.card)


def _stated(family: object, contents: Contents) -> Checkpoint:
    """A file in our own names that states its family. Only generators' configs are completed: the others are checked
    where the network is built, and those of no family here (states of a training) are as they are."""
    if not isinstance(family, str) or not re.fullmatch(r"[a-z0-9_-]{1,40}", family):
        raise WeightsError(f"a config of family {str(family)[:40]!r}: no known family has such a name")
    tensors, config = contents.groups[""], contents.stated
    inferred: tuple[str, ...] = ()
    if generator := families.generator(family):
        tensors, config, inferred, _ = generator.complete(tensors, config)
    return Checkpoint(tensors, config, contents.sha256, contents.source, inferred=inferred, card=contents.card)


def _family_of(contents: Contents) -> tuple[str, Family]:
    """(name of the first group of tensors that one family claims, the family)."""
    known = families.families()
    for group, tensors in contents.groups.items():
        claims = [family for family in known.values() if family.matches(tensors)]
        if len(claims) > 1:
            raise WeightsError(f"several families claim it: {', '.join(f.FAMILY for f in claims)}")
        if claims:
            return group, claims[0]
    if contents.unknown:
        raise WeightsError(contents.unknown)
    listed = sorted(name for tensors in contents.groups.values() for name in tensors)
    what = contents.source if contents.source.endswith(("folder", "model")) else f"{contents.source} file"
    raise WeightsError(f"a {what} of no known family, unknown layout: {_seen(listed)}; {_nearest(listed, known)}")


def _seen(listed: list[str]) -> str:
    """'12 tensors, a.weight, b.weight, c.weight ...'."""
    first = ", ".join(name[:SHOWN_OF_A_NAME] for name in listed[:SHOWN_NAMES])
    return f"{len(listed)} tensors, {first}{' ...' if len(listed) > SHOWN_NAMES else ''}"


def _nearest(listed: list[str], known: Mapping[str, Family]) -> str:
    """What the families look for whose names share most words with these; the names of all when none shares one."""
    own = _words(" ".join(listed))
    shared = {name: len(own & _words(family.LOOKS_FOR)) for name, family in known.items()}
    near = [name for name in sorted(shared, key=lambda n: -shared[n]) if shared[name]][:SHOWN_FAMILIES]
    if not near:
        return f"none of {', '.join(shared)}"
    return f"nearest {', '.join(f'{name} (looks for {known[name].LOOKS_FOR})' for name in near)}"


def _words(text: str) -> set[str]:
    """The words in names of tensors that tell families apart: 'conv_block' of 'model.1.conv_block.5.weight'."""
    return set(re.findall(r"[A-Za-z][A-Za-z_]{3,}", text)) - {"weight", "weights", "bias", "with"}


def _labelled(found: Checkpoint, known: cards.Card | None) -> Checkpoint:
    if known is None:
        return found
    classes = known.facts["class_names"]
    if classes and len(classes) != found.config.get("c_dim", 0):
        tensors_have = found.config.get("c_dim", 0)
        raise WeightsError(f"card {known.name!r} names {len(classes)} classes, its tensors have {tensors_have}")
    return dataclasses.replace(found, name=known.name, card=known.facts)
