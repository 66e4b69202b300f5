"""Names of tensors: from those of the origin to ours, and into a network. What is missing or left over is an error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from latentart.errors import WeightsError

MOST_SHOWN = 6
COUNTERS = r"(.*\.)?num_batches_tracked"
"""Batch normalisation counts its batches; no picture depends on it."""


def renamed(
    tensors: Mapping[str, Tensor], table: Mapping[str, str], *, what: str, switches: Iterable[str] = (),
    unused: str = COUNTERS,
) -> dict[str, Tensor]:  # fmt: skip
    """The tensors of `table` (name in the file -> our name) under our names.

    what: the family, switches: what was chosen from the file, both for the message. unused: a pattern of names that
    may be there and carry nothing. Raises one WeightsError that names what is missing and what is left over.
    """
    missing = [name for name in table if name not in tensors]
    extra = [name for name in tensors if name not in table and not re.fullmatch(unused, name)]
    if missing or extra:
        faults = "; ".join([*_listed("missing", missing), *_listed("left over", extra)])
        raise WeightsError(f"not a whole {what}{_taken_for(switches)}: {faults}")
    return {ours: tensors[theirs] for theirs, ours in table.items()}


def fill(T: torch.nn.Module, tensors: Mapping[str, Tensor], *, what: str, switches: Iterable[str] = ()) -> None:
    """Gives a network (made on the meta device) its float32 weights, without gradients, in eval mode.

    Raises one WeightsError that names the tensors that are missing, left over or of another shape.
    """
    wanted = T.state_dict()
    faults = _listed("missing", [n for n in wanted if n not in tensors])
    faults += _listed("left over", [n for n in tensors if n not in wanted])
    faults += _listed("of another shape", _misshapen(wanted, tensors))
    if faults:
        raise WeightsError(f"the tensors do not fit a {what}{_taken_for(switches)}: {'; '.join(faults)}")
    T.load_state_dict({name: tensors[name].float() for name in wanted}, assign=True)
    T.requires_grad_(False).eval()


def widths(tensors: Mapping[str, Tensor], names: Iterable[str], *, what: str) -> list[int]:
    """The outputs of the convolutions with these weights [outputs, inputs, k, k]. Raises WeightsError for none."""
    names = list(names)
    _raise_if(_listed("missing", [n for n in names if n not in tensors]), what)
    _raise_if(_listed("no kernel", [n for n in names if tensors[n].ndim != 4 or 0 in tensors[n].shape]), what)
    return [tensors[name].shape[0] for name in names]


def numbered(names: Iterable[str], pattern: str) -> list[int]:
    """The numbers that `pattern`, with one group of digits, finds at the start of the names: sorted, each once."""
    return sorted({int(found[1]) for name in names if (found := re.match(pattern, name))})


def _raise_if(faults: Sequence[str], what: str) -> None:
    if faults:
        raise WeightsError(f"not a whole {what}: {'; '.join(faults)}")


def _misshapen(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> list[str]:
    pairs = [(name, tensors[name].shape, t.shape) for name, t in wanted.items() if name in tensors]
    return [f"{name} {list(found)}, expected {list(right)}" for name, found, right in pairs if found != right]


def _taken_for(switches: Iterable[str]) -> str:
    chosen = ", ".join(switches)
    return f" (taken for: {chosen})" if chosen else ""


def _listed(fault: str, names: Sequence[str]) -> list[str]:
    """['missing: a, b and 3 more'], or nothing."""
    if not names:
        return []
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return [f"{fault}: {', '.join(name[:80] for name in names[:MOST_SHOWN])}{more}"]
