"""What was measured before: one small JSON file per machine, model, versions and request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import torch

from latentart import cache, files
from latentart.engine import machine
from latentart.engine.request import Request, log
from latentart.engine.trial import Trial
from latentart.errors import LatentartError
from latentart.models.base import Generator


def key(G: Generator, request: Request, fingerprint: str) -> str:
    """A name for everything a measurement depends on."""
    parts = [fingerprint, asdict(request), machine.device_name(G.device), machine.versions(), torch.get_num_threads()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def recall(name: str) -> list[Trial]:
    """The trials stored under a key; an empty list when nothing is stored or the file is damaged."""
    try:
        return [_trial(values) for values in _read(name)["trials"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, LatentartError) as error:
        log.warning("what was measured before cannot be read (%s): measuring again", error)
        return []


def words(name: str) -> dict[str, str]:
    """What `keep` kept under a key; nothing when there is nothing, or when the file is damaged."""
    try:
        return {str(word): str(value) for word, value in _read(name)["words"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, LatentartError) as error:
        log.warning("what was measured before cannot be read (%s): measuring again", error)
        return {}


def _read(name: str) -> Any:
    return json.loads(cache.place("engine", f"{name}.json").read_text(encoding="utf-8"))


def _trial(values: dict[str, Any]) -> Trial:
    known = {field.name: values[field.name] for field in fields(Trial)}
    name, refused = str(known["name"]), str(known["refused"])
    return Trial(name, float(known["milliseconds"]), float(known["error"]), float(known["startup"]), refused)


def remember(name: str, G: Generator, request: Request, trials: list[Trial]) -> None:
    """Keeps the trials; a cache folder that cannot be written costs a measurement at each start, no more."""
    record = {
        "model": G.name,
        "device": machine.device_name(G.device),
        "versions": machine.versions(),
        "request": asdict(request),
        "trials": [trial.record() for trial in trials],
    }
    _write(name, record)


def keep(name: str, G: Generator, values: Mapping[str, str]) -> None:
    """Keeps other words that were measured, those of a route about its layers, say."""
    _write(name, {"model": G.name, "device": machine.device_name(G.device), "words": dict(values)})


def _write(name: str, record: Mapping[str, Any]) -> None:
    try:
        files.write_text(cache.place("engine", f"{name}.json"), json.dumps(record, indent=1), overwrite=True)
    except LatentartError as error:
        log.warning("the measurement is not remembered: %s", error)
