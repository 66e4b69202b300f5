"""Chooses a route: tries every route, rejects inexact ones, takes the fastest and stores the choice."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from latentart import folder
from latentart.engine import machine, routes, timings, trial
from latentart.engine.engine import Engine
from latentart.engine.request import Request, Route, RouteError, Run, log
from latentart.engine.trial import TOLERANCE, Probe, Trial
from latentart.errors import LatentartError, SettingsError, unknown
from latentart.models.base import Generator

PRECISE_FIRST = ("f32", "eager", "graph", "torch.compile", "f16", "half")
"""Order in which a budget is tried: what rounds least comes first. The last is in "bf16" too."""


def compile(
    G: Generator,
    *,
    only: str | None = None,
    budget: float | None = None,
    measure: float = 0.3,
    again: bool = False,
    **wishes: Any,
) -> Engine:
    """An engine for G: the fastest route whose pictures are right, measured once and remembered.

    wishes: batch, output, precision, noise_mode, noise_inputs, compiler, as `Request` explains.
    only: the name of a choice to take without asking ('eager', 'openvino f32'...).
    budget: milliseconds a picture may take; the least rounded choice that keeps to it is taken, instead of the
    fastest. measure: seconds to spend on timing each choice. again: forget what was measured before.
    Raises SettingsError, or RouteError when `only` cannot be had.
    """
    began = time.perf_counter()
    request = _request(wishes)
    offers = {name: (route, why) for route in find() for name, why in route.choices(G, request).items()}
    if only is not None and only not in offers:
        raise SettingsError(unknown("choice", only, offers))
    task = Task(G, request, offers, machine.fingerprint(G), trial.probe(G, request), budget, measure)
    key = timings.key(G, request, task.fingerprint)
    if only is not None:
        engine = _only(task, only)
    else:
        engine = (None if again else _remembered(task, key)) or _measured(task, key)
    engine.startup = time.perf_counter() - began
    log.info("%s on %s: %s", G.name, machine.device_name(G.device), engine.choice)
    if "openvino" in engine.trial.name and machine.spins():
        log.info(
            "PyTorch's waiting threads spin and slow this engine (18.6 ms instead of 15.0 on two cores): "
            "import latentart before torch, or set OMP_WAIT_POLICY=PASSIVE"
        )
    return engine


def _request(wishes: Mapping[str, Any]) -> Request:
    for name in wishes:
        if name not in Request.__dataclass_fields__:
            raise SettingsError(unknown("wish for an engine", name, Request.__dataclass_fields__))
    request = Request(**wishes)
    request.check()
    return request


def find() -> list[Route]:
    """The modules of the folder `routes`."""
    return [import_module(f"{routes.__name__}.{name}") for name in folder.modules(routes.__path__)]


@dataclass(frozen=True)
class Task:
    """What a route is chosen for: generator, request and the fingerprint of the weights."""

    G: Generator
    request: Request
    offers: Mapping[str, tuple[Route, str]]
    """Name of a choice -> its route and why it cannot be had ('' when it can)."""
    fingerprint: str
    probe: Probe
    budget: float | None
    measure: float


def _only(task: Task, name: str) -> Engine:
    run, tried = attempt(task, name)
    if run is None:
        raise RouteError(f"{name!r} cannot draw {task.G.name!r}: {tried.refused}")
    took = min(trial.race({name: run}, task.probe, task.measure)[name])
    return Engine(task.G, task.request, run, [replace(tried, milliseconds=took)], name)


def _remembered(task: Task, key: str) -> Engine | None:
    """The choice of an earlier start, compared with float32 again but not timed again."""
    trials = timings.recall(key)
    best = pick(trials, task.budget)
    if best is None or best not in task.offers:
        return None
    run, tried = attempt(task, best)
    if run is None:
        log.warning("%s was chosen before and fails now (%s): measuring again", best, tried.refused)
        return None
    return Engine(task.G, task.request, run, trials, best)


def _measured(task: Task, key: str) -> Engine:
    tried = {name: attempt(task, name) for name in task.offers}
    for name, (run, result) in tried.items():
        if run is None and not task.offers[name][1]:
            log.warning("%s is refused for %s: %s", name, task.G.name, result.refused)
    runs = {name: run for name, (run, _) in tried.items() if run is not None}
    times = trial.race(runs, task.probe, task.measure)
    # The shortest time counts: other programs only ever make a call longer.
    trials = [replace(result, milliseconds=min(times.get(name, [0.0]))) for name, (_, result) in tried.items()]
    best = pick(trials, task.budget)
    if best is None:
        raise RouteError(f"nothing here can draw {task.G.name!r}: {'; '.join(map(str, trials))}")
    if trial.steady(times):
        timings.remember(key, task.G, task.request, trials)
    else:
        log.info("this machine is busy: the next start measures %s again", task.G.name)
    return Engine(task.G, task.request, runs[best], trials, best)


def attempt(task: Task, name: str) -> tuple[Run | None, Trial]:
    """Makes a choice ready and compares its pictures with float32; None and the reason when it is not to be used."""
    route, why = task.offers[name]
    if why:
        return None, Trial(name, refused=why)
    began = time.perf_counter()
    try:
        run = route.prepare(task.G, task.request, name, task.fingerprint)
        wrong = trial.error(run, task.probe, task.request)
    except LatentartError as error:
        return None, Trial(name, refused=str(error))
    startup, allowed = time.perf_counter() - began, TOLERANCE[task.request.precision, task.request.output]
    if not wrong <= allowed:
        return None, Trial(name, refused=f"relative error {wrong:.1e} against float32, {allowed:.0e} is allowed")
    return run, Trial(name, error=wrong, startup=startup)


def pick(trials: list[Trial], budget: float | None) -> str | None:
    """The fastest choice, or the least rounded one that keeps to `budget` ms a picture; None without any."""
    usable = sorted((t for t in trials if not t.refused), key=lambda t: t.milliseconds)
    fitting = [t for t in usable if budget is not None and t.milliseconds <= budget]
    ranked = sorted(fitting, key=lambda t: next(i for i, word in enumerate(PRECISE_FIRST) if word in t.name))
    return (ranked or usable)[0].name if usable else None
