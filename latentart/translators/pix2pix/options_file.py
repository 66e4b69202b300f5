"""The options file that pytorch-CycleGAN-and-pix2pix and pix2pixHD write beside a checkpoint: `key: value` lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from latentart import pixels
from latentart.errors import WeightsError
from latentart.files import regular

NAMES = ("train_opt.txt", "test_opt.txt")
LARGEST, LONGEST = 1 << 18, 2000
_LINE = re.compile(r"\s*([A-Za-z_]\w{0,60}):\s*(.*?)\s*(\[default: .*\])?\s*")
_RULE = re.compile(r"\s*-*\s*(Options|End)?\s*-*\s*")
KINDS = ("batch", "instance", "none", "affine")
WAYS = ("AtoB", "BtoA")
TRUTHS = {"true": True, "false": False, "1": True, "0": False}


def beside(path: Path, names: Sequence[str] = NAMES) -> tuple[str, dict[str, str]]:
    """(name of the first options file beside a checkpoint, its options); ('', {}) without one.

    Raises WeightsError for one that cannot be read as such.
    """
    for name in names:
        found = path.parent / name
        if found.is_file():
            return name, parse(_text(found), name)
    return "", {}


def parse(text: str, source: str) -> dict[str, str]:
    """'  norm: batch   [default: instance]' -> {'norm': 'batch'}. Raises WeightsError naming the line."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line[:LONGEST])
        if not match:
            if not _RULE.fullmatch(line[:LONGEST]):
                raise WeightsError(f"{source} line {number} is {line[:60]!r}: 'key: value' is wanted")
            continue
        key, value = match[1], match[2]
        if found.setdefault(key, value) != value:
            raise WeightsError(f"{source} says {key} {found[key][:40]!r} and then {value[:40]!r}: keep one of them")
    return found


def whole(options: Mapping[str, str], key: str, source: str) -> int | None:
    """The option as a number 0, 1, 2...; None when it is not there. Raises WeightsError."""
    if key not in options:
        return None
    if not re.fullmatch(r"\d{1,6}", options[key]):
        raise WeightsError(f"{source} says {key} {options[key][:40]!r}: a whole number is wanted")
    return int(options[key])


def side(options: Mapping[str, str], source: str) -> int:
    """The side of the pictures that a network was trained on, 0 where nothing says. Raises WeightsError."""
    found = whole(options, "crop_size" if "crop_size" in options else "fineSize", source) or 0
    return found if found <= pixels.LARGEST_SIDE else 0


def truth(options: Mapping[str, str], key: str, source: str) -> bool | None:
    """The option as True or False; None when it is not there. Raises WeightsError."""
    if key not in options:
        return None
    value = TRUTHS.get(options[key].lower())
    if value is None:
        raise WeightsError(f"{source} says {key} {options[key][:40]!r}: True or False is wanted")
    return value


def differences(
    options: Mapping[str, str], source: str, facts: Mapping[str, int], *, norm: str, net: str
) -> list[str]:  # fmt: skip
    """In words, where the options say something else than the tensors, which count. Raises WeightsError.

    facts: option -> what the tensors say. net: what the option netG begins with.
    """
    found = [(key, number, fact) for key, fact in facts.items() if (number := whole(options, key, source)) is not None]
    kind = options.get("norm", norm).removeprefix("sync")
    if kind not in KINDS:
        raise WeightsError(f"{source} says norm {kind[:40]!r}: {', '.join(KINDS)} is wanted")
    named = options.get("netG", net)[:40]
    stated: list[tuple[str, object, object]] = [*found, ("norm", kind, norm), ("netG", named, net)]
    apart = [t for t in stated if not str(t[1]).startswith(str(t[2]))]
    return [f"{source} says {key} {value}, the tensors say {fact}: the tensors count" for key, value, fact in apart]


def direction(options: Mapping[str, str], source: str) -> list[str]:
    """In words, which side of its pairs the network was trained to draw; [] when nothing says. Raises WeightsError."""
    way = options.get("direction", options.get("which_direction", ""))
    if way not in ("", *WAYS):
        raise WeightsError(f"{source} says direction {way[:40]!r}: {' or '.join(WAYS)} is wanted")
    return [f"direction {way}"] if way else []


def _text(path: Path) -> str:
    try:
        with regular.opened(path) as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise WeightsError(f"cannot read {path.name!r} beside it: {error.strerror or error}") from error
    if len(raw) > LARGEST:
        raise WeightsError(f"{path.name!r} beside it has more than {LARGEST} bytes: no list of options is that long")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise WeightsError(f"{path.name!r} beside it is no text: move it away") from None
