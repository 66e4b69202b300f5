"""What every sink promises, what those that make a file share, and the listing that finds one by its target."""

from __future__ import annotations

import importlib
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Protocol, Self

from latentart import files, provenance, rate
from latentart.errors import SettingsError, TargetError, unknown
from latentart.folder import modules
from latentart.media import transparency
from latentart.pixels import Deep, Frame
from latentart.sinks.formats import WITH_ALPHA

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where frames go. As a context manager: the end closes it, an exception aborts it, and Ctrl-C closes what
    was rendered so far (a shorter, playable film) before KeyboardInterrupt goes on its way."""

    depth: int = 8
    """16 in sinks that take frames of 16 bits beside those of 8."""
    planes: bool = False
    """Whether it takes pictures as YUV planes, uint8 [3 H / 2, W], when it is opened with planes=True."""

    @property
    def frames(self) -> int:
        """How many frames it has taken."""
        ...

    def write(self, frame: Frame | Deep) -> None:
        """Takes one frame, uint8 [H, W, C], C in 1, 3, 4, the same shape each time. Raises TargetError.

        Sinks of formats that keep more than 8 bits take uint16 too (`depth`).
        """
        ...

    def close(self, *, interrupted: bool = False) -> Path:
        """Finishes, puts the result under its final name and returns that; a second call returns it again.

        `interrupted` marks the record of a film that was cut short. Raises TargetError and leaves nothing.
        """
        ...

    def abort(self) -> None:
        """Deletes the unfinished file. Has no effect after `close`."""
        ...

    def check_size(self, width: int, height: int) -> None:
        """Asks before the first frame whether frames of this size can be written. Raises SettingsError."""
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif issubclass(kind, KeyboardInterrupt) and self.frames:
            self.close(interrupted=True)
        else:
            self.abort()


class FileSink(Sink, ABC):
    """A sink that makes one file: frames go into a `.part`, which is checked, flushed and renamed when it is whole.

    A subclass implements begin, append and finish. Whatever raises on the way removes the part.
    """

    keeps_alpha: bool = True
    """Whether the file can hold transparency; where it cannot, RGBA frames are laid over the ground."""
    given_planes = False
    """Whether frames come as YUV planes. Set by the caller, because grey pictures have the same shape."""

    def __init__(
        self,
        target: str | Path,
        *,
        fps: rate.Rate = 30,
        settings: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        ground: str | None = None,
    ) -> None:
        """ground: a colour that RGBA frames are laid over; None keeps transparency, or lays over black (see
        `transparency`)."""
        self.fps = rate.fps(fps)
        self.ground = None if ground is None else transparency.colour(ground)
        self.settings = dict(settings or {})
        self.overwrite = overwrite
        self.shape: tuple[int, ...] | None = None
        self._count = 0
        self._open = True
        self._final: Path | None = None
        with files.explained(Path(target)):
            self.target = self._check(Path(target))
        self.part = self._part(self.target)
        # A sink that cannot keep its record should fail before the first frame.
        self.record(0)

    @property
    def frames(self) -> int:
        """How many frames it has taken."""
        return self._count

    def write(self, frame: Frame | Deep) -> None:
        """See `Sink.write`. A failed write removes what was written."""
        self._require_open()
        made = getattr(frame, "settings", {})
        frame = self._laid(self._checked(frame))
        if self.shape not in (None, frame.shape):
            raise SettingsError(
                f"frame {self._count} is {list(frame.shape)!r}, the ones before {list(self.shape or ())!r}"
            )
        with self._nothing_left_on(Exception):
            if self.shape is None:
                # A film written from Python records how its frames were made.
                if "film" not in self.settings:
                    self.settings = {**made, **self.settings}
                self._begin(*_picture_shape(frame))
                self.shape = frame.shape
            self._append(frame)
            self._count += 1

    def close(self, *, interrupted: bool = False) -> Path:
        """See `Sink.close`. A film cut short never replaces a finished one: it becomes `<stem>.partial<suffix>`."""
        if self._final is None:
            self._require_open()
            if not self._count:
                self.abort()
                raise TargetError(f"no frame was written to {str(self.target)!r}: nothing was made")
            with self._nothing_left_on(BaseException):
                self._final = self._finish_as(self._name(interrupted), interrupted)
            self._open = False
        return self._final

    def abort(self) -> None:
        """See `Sink.abort`."""
        if self._open:
            self._open = False
            self._discard()

    def record(self, frames: int, interrupted: bool = False) -> dict[str, Any]:
        """The settings record of a film with the given number of frames."""
        extra = {"interrupted": True} if interrupted else {}
        return provenance.complete({**self.settings, "fps": str(self.fps), "frames": frames, **extra})

    @abstractmethod
    def _begin(self, height: int, width: int, channels: int) -> None:
        """Opens the part for frames of this shape."""

    @abstractmethod
    def _append(self, frame: Any) -> None:
        """Writes one frame."""

    @abstractmethod
    def _finish(self) -> int:
        """Closes the part and returns how many frames can be read back from it."""

    @abstractmethod
    def _sign(self, record: Mapping[str, Any]) -> None:
        """Puts the record into the closed part."""

    def _release(self) -> None:
        """Lets go of open handles after a failure; never raises."""

    def _check(self, target: Path) -> Path:
        path = files.check_target(target, overwrite=self.overwrite)
        files.check_target(self._beside(path), overwrite=self.overwrite)
        return path

    def _part(self, target: Path) -> Path:
        return files.part_of(target)

    def _beside(self, target: Path) -> Path:
        return provenance.beside(target)

    def _taken(self, target: Path) -> bool:
        return target.exists()

    def _name(self, interrupted: bool) -> Path:
        if (interrupted or not self.overwrite) and self._taken(self.target):
            return next(name for name in self._partial() if not self._taken(name))
        return self.target

    def _partial(self) -> Iterator[Path]:
        """'loop.partial.mp4', 'loop.partial-2.mp4'..."""
        for number in count(1):
            again = f"-{number}" if number > 1 else ""
            yield self.target.with_name(f"{self.target.stem}.partial{again}{self.target.suffix}")

    def _finish_as(self, final: Path, interrupted: bool) -> Path:
        readable = self._finish()
        if readable != self._count and not interrupted:
            what = f"{str(final)!r} came out with {readable} of {self._count} frames and was removed"
            raise TargetError(f"{what}: try again, or choose another format")
        self._count = readable
        record = self.record(readable, interrupted)
        self._sign(record)
        self._place(final, record)
        return final

    def _place(self, final: Path, record: Mapping[str, Any]) -> None:
        with files.part_file(self._beside(final), overwrite=True) as beside:
            beside.write_text(provenance.beside_text(record, final), encoding="utf-8")
            files.commit(self.part, final)

    def _discard(self) -> None:
        self._release()
        self.part.unlink(missing_ok=True)

    def _require_open(self) -> None:
        if not self._open:
            raise TargetError(f"{str(self.target)!r} is closed: open a new sink for more frames")

    def _laid(self, frame: Frame | Deep) -> Frame | Deep:
        """The frame as the file can hold it: see `transparency`."""
        if frame.ndim != 3 or frame.shape[2] != 4 or (self.keeps_alpha and self.ground is None):
            return frame
        ground = self.ground or transparency.BLACK
        if "ground" not in self.settings and transparency.is_clear(frame):
            self.settings["ground"] = transparency.spelled(ground)
            if self.ground is None:
                log.warning(
                    "%s cannot hold transparency: laid over black (--ground takes another colour; kept by %s)",
                    self.target.name, WITH_ALPHA,
                )  # fmt: skip
        return transparency.over(frame, ground)

    def _checked(self, frame: Frame | Deep) -> Frame | Deep:
        kinds = ("uint8", "uint16") if self.depth == 16 else ("uint8",)
        if self.given_planes:
            wanted, right = "uint8 [3 H / 2, W]", frame.ndim == 2 and frame.dtype == "uint8" and not frame.shape[0] % 3
        else:
            wanted = f"{' or '.join(kinds)} [H, W, 1, 3 or 4]"
            right = frame.ndim == 3 and frame.dtype in kinds and frame.shape[2] in (1, 3, 4)
        if not right:
            raise SettingsError(f"a frame is {wanted}, not {frame.dtype} {list(frame.shape)!r}")
        return frame

    @contextmanager
    def _nothing_left_on(self, kinds: type[BaseException]) -> Iterator[None]:
        try:
            with files.explained(self.target, self._missing()):
                yield
        except kinds:
            self.abort()
            raise

    def _missing(self) -> str:
        """About how many bytes are still to come, when the settings state the length of the film."""
        planned = self.settings.get("frames")
        if not isinstance(planned, int) or not self._count or not self.part.is_file():
            return ""
        to_come = self.part.stat().st_size * max(0, planned - self._count) / self._count
        return f"about {files.size_text(to_come)} more needed"


def _picture_shape(frame: Frame | Deep) -> tuple[int, int, int]:
    """(height, width, channels) of a frame, or of one that comes as planes."""
    if frame.ndim == 2:
        return frame.shape[0] * 2 // 3, frame.shape[1], 3
    return frame.shape[0], frame.shape[1], frame.shape[2]


def open_sink(
    target: str | Path,
    *,
    fps: rate.Rate = 30,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Sink:
    """The sink for `target`, by its ending: 'loop.mp4', 'loop.gif', 'frames/', 'frames/%05d.png'...

    `fps` is kept exactly, `settings` go into the file's metadata and a .json beside it, `options` are the
    sink's own (for films format, crf, preset, threads; None leaves the default). Raises TargetError, SettingsError.
    """
    text = os.fspath(target)
    module = _module_for(text)
    given = {name: value for name, value in options.items() if value is not None}
    for name in given.keys() - set(module.OPTIONS):
        raise SettingsError(unknown(f"option for {text!r}:", name, module.OPTIONS))
    made: Sink = module.open(text, fps=fps, settings=settings, overwrite=overwrite, **given)
    return made


def sink_modules() -> list[ModuleType]:
    """Every module of the sinks folder that offers `handles`, `open`, `ENDINGS` and `OPTIONS`."""
    package = importlib.import_module("latentart.sinks")
    found = [importlib.import_module(f"latentart.sinks.{name}") for name in modules(package.__path__)]
    return [module for module in found if hasattr(module, "handles")]


def _module_for(target: str) -> ModuleType:
    offers, ending = sink_modules(), Path(target).suffix.lower()
    # Those whose ending it is are asked first.
    for module in sorted(offers, key=lambda module: ending not in module.ENDINGS):
        if module.handles(target):
            return module
    endings = ", ".join(ending for module in offers for ending in module.ENDINGS)
    raise TargetError(f"cannot write {target!r}: no sink knows this ending: use one of {endings}")
