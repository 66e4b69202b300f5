"""One training from its first step to its last, through interruptions: state, metrics, loss plot, preview sheets.

A run is a folder: network.safetensors (what `load_translator` opens), preview.png, losses.png, metrics.jsonl,
previews/ (every preview, for a film of the learning) and state.safetensors (all that is needed to go on).
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from torch import Tensor

from latentart import files
from latentart.errors import SettingsError
from latentart.pixels import Frame
from latentart.sinks.images import write_image
from latentart.training import plot, state
from latentart.training.data.pairs import check_folder
from latentart.training.lock import locked
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint

STATE, NETWORK, METRICS, LOSSES, PREVIEW = (
    "state.safetensors", "network.safetensors", "metrics.jsonl", "losses.png", "preview.png",
)  # fmt: skip
Losses = dict[str, float]


class Trainee(Protocol):
    """What is trained: a step, and everything that a later process needs to make the next step exactly like this."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """JSON types; they must be the same when the training is resumed."""
        ...

    def step(self, number: int, progress: float) -> Losses:
        """Step `number` (from 0), at `progress` 0..1 of the schedule -> losses by name."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Weights, their moving averages and the optimizer state, by name."""
        ...

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Undoes `tensors`."""
        ...

    def check(self) -> Losses:
        """Losses that are measured only now and then, on what the network has not seen."""
        ...

    def preview(self) -> Frame:
        """A sheet of what the network does now."""
        ...

    def network(self) -> Checkpoint:
        """The network as a generator or translator that can be loaded."""
        ...

    def others(self) -> Mapping[str, Checkpoint]:
        """Further files of the run by name, written beside the network."""
        ...


@dataclass(frozen=True)
class Schedule:
    """steps: until the training is done. minutes: stop earlier, to go on another time. first, most: seconds until the
    first preview, and the most between two (the time between them doubles)."""

    steps: int
    minutes: float | None = None
    first: float = 5.0
    most: float = 120.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SettingsError(f"{self.steps!r} steps are no training: give 1 or more")
        if self.minutes is not None and not self.minutes > 0:
            raise SettingsError(f"{self.minutes!r} minutes are no time to train: give more than 0")


@dataclass
class Progress:
    """Where a run is: steps done, of how many, the losses of the last step, and why it ended ('' while it runs)."""

    step: int
    steps: int
    losses: Losses = field(default_factory=dict)
    ended: str = ""


Watch = Callable[[Progress], None]


def train(trainee: Trainee, folder: str | Path, schedule: Schedule, watch: Watch = lambda progress: None) -> Progress:
    """Trains until the schedule or the time ends; resumes what the folder holds.

    Ctrl-C ends the step that is under way, keeps everything and raises KeyboardInterrupt with words for the user.
    The same number of steps gives the same tensors on a CPU, however often it was interrupted. Raises SettingsError
    when the folder holds a training with other settings, WeightsError when its state is damaged, TargetError.
    """
    place = check_folder(Path(folder))
    with locked(place), stop_asked() as asked:
        record = Record(trainee, place, schedule)
        while record.progress.step < schedule.steps and not asked() and not record.late:
            record.step()
            watch(record.progress)
            record.keep(always=False)
        record.keep(always=True)
        return _ended(record, asked())


def _ended(record: Record, interrupted: bool) -> Progress:
    progress = record.progress
    done = progress.step >= record.schedule.steps
    progress.ended = "done" if done else f"stopped at step {progress.step} of {progress.steps}"
    if interrupted and not done:
        raise KeyboardInterrupt(
            f"{progress.ended}; everything is kept in {str(record.folder)!r}: run the same command again to go on"
        )
    return progress


class Record:
    """A run's folder and its clock."""

    def __init__(self, trainee: Trainee, folder: Path, schedule: Schedule) -> None:
        self.trainee, self.folder, self.schedule = trainee, folder, schedule
        self.progress = Progress(0, schedule.steps)
        self.metrics: list[dict[str, float]] = []
        self.seconds = 0.0
        self.began, self.gap = time.monotonic(), schedule.first
        self.next = self.began + schedule.first
        self.kept, self.taken = 0, 0
        for stale in folder.glob("*.part"):  # of a process that was killed while it wrote
            stale.unlink()
        if (folder / STATE).exists():
            self._resume()

    def _resume(self) -> None:
        tensors, facts = state.read(self.folder / STATE)
        settings = facts.get("settings")
        state.check_same(settings if isinstance(settings, dict) else {}, self.trainee.settings, self.folder)
        self.trainee.restore(tensors)
        self.progress.step = self.kept = facts["step"]
        known = read_metrics(self.folder / METRICS)
        self.metrics = [line for line in known if line["step"] <= self.progress.step]
        self.seconds = self.metrics[-1]["seconds"] if self.metrics else 0.0

    @property
    def late(self) -> bool:
        """Whether the minutes are over; there is a step in every run."""
        minutes = self.schedule.minutes if self.taken else None
        return minutes is not None and time.monotonic() - self.began > 60 * minutes

    def step(self) -> None:
        """One step, named by its number alone: dropout and the like begin from it."""
        number = self.progress.step
        with seeded(int(self.trainee.settings["seed"]), number):
            self.progress.losses = self._finite(self.trainee.step(number, number / self.schedule.steps))
        self.progress.step += 1
        self.taken += 1
        spent = round(self.seconds + time.monotonic() - self.began, 3)
        self.metrics.append({"step": self.progress.step, "seconds": spent, **self.progress.losses})

    def _finite(self, losses: Losses) -> Losses:
        """The losses, or SettingsError when the training has run off: what was kept before is still there."""
        wrong = [name for name, value in losses.items() if not math.isfinite(value)]
        if wrong:
            where = f"the loss {wrong[0]!r} is {losses[wrong[0]]!r} after step {self.progress.step}"
            raise SettingsError(f"{where}: give a lower --rate; {str(self.folder)!r} holds step {self.kept}")
        return losses

    def keep(self, *, always: bool) -> None:
        """Writes everything when it is time, or always; the state last: when it is there, so is the rest."""
        now = time.monotonic()
        if self.kept == self.progress.step or not (always or now >= self.next):
            return
        self.metrics[-1] |= self.trainee.check()
        write_metrics(self.folder / METRICS, self.metrics)
        for name, checkpoint in {NETWORK: self.trainee.network(), **self.trainee.others()}.items():
            with files.part_file(self.folder / name, overwrite=True) as part:
                safe.write(part, checkpoint)
        self._draw()
        facts = {"step": self.progress.step, "settings": dict(self.trainee.settings)}
        state.write(self.folder / STATE, self.trainee.tensors(), facts)
        self.kept = self.progress.step
        self.gap = min(2 * self.gap, self.schedule.most)
        self.next = time.monotonic() + self.gap

    def _draw(self) -> None:
        sheet = self.trainee.preview()
        (self.folder / "previews").mkdir(exist_ok=True)
        write_image(self.folder / "previews" / f"step{self.progress.step:06d}.png", sheet, overwrite=True)
        write_image(self.folder / PREVIEW, sheet, overwrite=True)
        write_image(self.folder / LOSSES, plot.losses(self.metrics), overwrite=True)


@contextmanager
def seeded(seed: int, step: int) -> Iterator[None]:
    """torch's global generators as (seed, step) names them, and as they were afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed * 1_000_003 + step)
        yield


@contextmanager
def stop_asked() -> Iterator[Callable[[], bool]]:
    """Yields whether Ctrl-C (or SIGTERM) came: a step is never cut in the middle. The second one ends at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)

    for number in numbers:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_metrics(path: Path, metrics: list[dict[str, float]]) -> None:
    """One JSON object a line: step, seconds of training, losses."""
    files.write_text(path, "".join(json.dumps(line) + "\n" for line in metrics), overwrite=True)


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The lines of `write_metrics`; [] when there is no file. Raises SettingsError for a damaged one."""
    if not path.exists():
        return []
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{str(path)!r} is damaged ({error}): remove it and go on") from error
    for line in lines:
        numbers = isinstance(line, dict) and all(type(value) in (int, float) for value in line.values())
        if not numbers or not {"step", "seconds"} <= line.keys():
            raise SettingsError(
                f"{str(path)!r} is damaged ({str(line)[:60]!r} is no record of a step): remove it and go on"
            )
    return lines
