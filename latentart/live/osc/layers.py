"""Addresses of layers, layer/<n>/<op>: a bend by what it does and where, played by whichever slot is free."""

from __future__ import annotations

from collections.abc import Mapping

from latentart.errors import SettingsError
from latentart.live.control.params import BEND_SLOTS, BENDS, LAYERS, Value

ADDRESSES = {f"layer/{layer}/{op}": (layer, op) for layer in range(1, LAYERS + 1) for op in BENDS}
"""Address -> (layer from 1, operation). What it takes is in the operation's own unit: degrees, parts, octaves."""
SLOTS = [f"bend/{number}" for number in range(1, len(BEND_SLOTS) + 1)]


def slot_of(values: Mapping[str, Value], layer: int, op: str) -> str | None:
    """The slot that has this layer and operation."""
    return next((s for s in SLOTS if (values[f"{s}/layer"], values[f"{s}/op"]) == (layer, op)), None)


def played(values: Mapping[str, Value], address: str, amount: float) -> dict[str, Value]:
    """Parameters to set for an amount at an address. Raises SettingsError when every slot is bending something else."""
    layer, op = ADDRESSES[address]
    slot = slot_of(values, layer, op) or next((s for s in SLOTS if not values[f"{s}/amount"]), None)
    if slot is None:
        raise SettingsError(f"all {len(SLOTS)} bends are in use: bring one back to 0 before {address}")
    share = min(max(amount / BENDS[op], -1.0), 1.0)
    return {f"{slot}/op": op, f"{slot}/layer": layer, f"{slot}/amount": share}


def amount_of(values: Mapping[str, Value], address: str) -> float:
    """How much there is at an address now, in the operation's own unit."""
    layer, op = ADDRESSES[address]
    slot = slot_of(values, layer, op)
    return 0.0 if slot is None else float(values[f"{slot}/amount"]) * BENDS[op]  # type: ignore[arg-type]
