"""OSCQuery: the address tree as JSON (https://github.com/Vidvox/OSCQueryProposal), from the parameter table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from latentart.live.control.params import ACTIONS, BENDS, TABLE, Param, Value
from latentart.live.osc import layers

ROOT = "/latentart"
ATTRIBUTES = ("FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "RANGE", "VALUE", "DESCRIPTION", "UNIT")
_TYPES = {"float": "f", "int": "i", "bool": "T", "choice": "s", "name": "s", "vector": "b"}
_OFFERED = ("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT", "LISTEN")
EXTENSIONS = {name: name in _OFFERED for name in (*_OFFERED, "TAGS", "CLIPMODE", "PATH_CHANGED")}


def host_info(osc_port: int, http_port: int, address: str = "127.0.0.1") -> dict[str, Any]:
    """The answer to ?HOST_INFO. address: that of this machine, as whoever asks has reached it."""
    return {
        "NAME": "latentart", "OSC_IP": address, "OSC_PORT": osc_port, "OSC_TRANSPORT": "UDP",
        "WS_PORT": http_port, "EXTENSIONS": EXTENSIONS,
    }  # fmt: skip


def node(
    path: str, values: Mapping[str, Value], model: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any] | None:
    """The node at a full path with all that is below it, None for an unknown path. model: facts of what plays."""
    branch: dict[str, Any] | None = tree(values, model)
    for part in path.strip("/").split("/") if path.strip("/") else ():
        branch = None if branch is None else branch.get("CONTENTS", {}).get(part)
    return branch


def tree(values: Mapping[str, Value], model: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """The whole tree, values included. model: facts of what plays, 'z_dim' and such."""
    root: dict[str, Any] = {"FULL_PATH": "/", "CONTENTS": {}, "ACCESS": 0, "DESCRIPTION": "latentart live"}
    for name, param in TABLE.items():
        _place(root, f"{ROOT}/{name}", _param(param, values[name], model))
        if param.has_unit:
            _place(root, f"{ROOT}/n/{name}", _unit(param, values[name]))
    for name, action in ACTIONS.items():
        kind = action.args.replace("|", "") or "I"
        _place(root, f"{ROOT}/{name}", {"TYPE": kind, "ACCESS": 2, "DESCRIPTION": action.doc})
    for name, (layer, op) in layers.ADDRESSES.items():
        doc = f"{op} of the feature maps of layer {layer}, by the first bend that is free."
        reach = {"RANGE": [{"MIN": -BENDS[op], "MAX": BENDS[op]}]}
        _place(root, f"{ROOT}/{name}", {"TYPE": "f", "ACCESS": 2, "DESCRIPTION": doc, **reach})
    return root


def _place(root: dict[str, Any], path: str, leaf: Mapping[str, Any]) -> None:
    branch, full = root, ""
    for part in path.strip("/").split("/"):
        full += f"/{part}"
        branch = branch.setdefault("CONTENTS", {}).setdefault(part, {"FULL_PATH": full, "ACCESS": 0})
    branch |= leaf


def _param(param: Param, value: Value, model: Mapping[str, Any]) -> dict[str, Any]:
    leaf: dict[str, Any] = {"TYPE": _TYPES[param.kind], "ACCESS": 3, "DESCRIPTION": param.doc, "VALUE": [value]}
    if param.kind == "bool":
        leaf["TYPE"] = "T" if value else "F"
    if param.kind in ("float", "int"):
        leaf["RANGE"] = [{"MIN": param.low, "MAX": param.high}]
    if param.kind == "choice":
        leaf["RANGE"] = [{"VALS": list(param.choices)}]
    if param.kind == "vector":
        leaf |= {"ACCESS": 2, "VALUE": [], "DESCRIPTION": param.doc + _lengths(model)}
    return leaf | ({"UNIT": [param.unit]} if param.unit else {})


def _lengths(model: Mapping[str, Any]) -> str:
    facts = [f"{name} is {model[name]}" for name in ("z_dim", "w_dim", "num_ws") if name in model]
    return f" Now {', '.join(facts)}." if facts else ""


def _unit(param: Param, value: Value) -> dict[str, Any]:
    return {
        "TYPE": "f", "ACCESS": 3, "RANGE": [{"MIN": 0.0, "MAX": 1.0}], "VALUE": [param.to_unit(value)],
        "DESCRIPTION": f"{ROOT}/{param.name} from 0 to 1, for faders.",
    }  # fmt: skip
