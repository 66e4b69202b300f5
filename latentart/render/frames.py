"""Generator and Path to frames, in batches, one after the other: memory does not grow with the film."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels, seeds
from latentart.engine import Engine, compile, stream
from latentart.errors import SettingsError
from latentart.latent.path import Path
from latentart.models.base import Generator, NoiseMode, check_noise_mode

log = logging.getLogger(__name__)


class Synthesis(Protocol):
    """`G.synthesis`, or an engine that does the same faster."""

    def __call__(self, ws: Tensor, *, noise_mode: NoiseMode = ..., noise: dict[str, Tensor] | None = ...) -> Any:
        """ws [N, num_ws, w_dim] -> [N, C, H, W] in [-1, 1], or frames, uint8 [N, H, W, C]."""
        ...


Drawn = Tensor | pixels.Frame | Callable[[], Any]
"""Float pictures, frames, or what waits for frames."""

Scene = Callable[[NDArray[np.float64]], Synthesis]
"""Phases u [N] -> what draws the frames at these phases."""

Picture = pixels.Frame | pixels.Deep

WORTH_CHOOSING = 100
"""Frames of a path from which the fastest way to draw is looked for: choosing takes seconds, the first time more."""

Then = Callable[[Tensor, NDArray[np.float64]], Tensor]
"""Pictures [N, C, H, W] in [-1, 1] and their phases u [N] -> pictures of the same size."""


def frames(
    G: Generator,
    path: Path,
    *,
    noise_mode: str = "const",
    noise_seed: int = 0,
    size: tuple[int, int] | None = None,
    fit: str = "crop",
    start: int = 0,
    stop: int | None = None,
    batch: int | None = None,
    synthesis: Synthesis | None = None,
    scene: Scene | None = None,
    then: Then | None = None,
    depth: int = 8,
    engine: str = "auto",
) -> Iterator[Picture]:
    """The pictures of a path in order, uint8 [H, W, C] each, or uint16 with depth 16.

    An engine of another output gives frames of its own (see `Request.output`). On CUDA the next batch is drawn while
    one is brought over, and those before it are used (see `engine.stream`).
    noise_mode: 'const', 'none', or 'random', fresh noise for each frame, named by (noise_seed, frame index).
    size: (width, height), with fit 'crop', 'pad' or 'stretch'; None keeps the model's own.
    start, stop: a range of frames; any range gives the same pictures as the whole film. Batches are aligned to
    frame numbers for that reason. batch: pictures made at a time (by default 1 on a CPU, 8 elsewhere).
    engine: "auto" is the fastest way this machine has for paths of 100 frames or more (however few of them are
    wanted, so that ranges agree) and plain PyTorch for shorter ones; "eager" is plain PyTorch; or a choice by name.
    synthesis: what to draw with instead, such as an engine that was made before.
    scene: phases u [N] -> what to draw those frames with, for models that are bent or blended over time.
    then: translators, which see the pictures in the film's size.
    Raises SettingsError.
    """
    mode = check_noise_mode(noise_mode)
    count = batch or _batch(G)
    last = path.num_frames if stop is None else stop
    if not 0 <= start <= last <= path.num_frames:
        raise SettingsError(f"frames {start} to {last} are outside this film of {path.num_frames}")
    if synthesis is not None and scene is not None:
        raise SettingsError("a scene draws for itself: leave out the engine of a film that is bent or blended")
    if depth not in stream.DEPTHS:
        raise SettingsError(f"depth {depth!r} is neither 8 nor 16")
    if size is not None:
        pixels.check_size(size)
    chosen = synthesis or G.synthesis
    if synthesis is None and scene is None and worth_choosing(engine, path.num_frames):
        chosen = choose_engine(
            G, engine, mode, late=then is not None or size not in (None, G.img_size[::-1]), depth=depth
        )
    record = _record(
        path, size, fit, {"noise_mode": mode, "noise_seed": noise_seed}, changed=bool(scene or then or synthesis)
    )
    drawn = _Drawing(G, path, scene or (lambda u: chosen), mode, noise_seed)
    finished = _Finish(None if size == G.img_size[::-1] else size, fit, then, depth, stream.Rounding(G.device))
    made = _frames(drawn, finished, range(start, last), count)
    return (pixels.recorded(frame, record) for frame in made) if record else made


def _record(
    path: Path, size: tuple[int, int] | None, fit: str, noise: dict[str, Any], *, changed: bool
) -> dict[str, Any]:
    """What a film of these frames records, {} for a path that says nothing of itself."""
    settings = dict(path.film(**noise, **({"size": list(size), "fit": fit} if size else {})).settings)
    return {**settings, "changed": "frames(scene, then or synthesis)"} if settings and changed else settings


def _batch(G: Generator) -> int:
    return 1 if G.device.type == "cpu" else 8


def worth_choosing(engine: str, count: int) -> bool:
    """Whether an engine draws a path of this many frames: always when one is named, for "auto" when that is faster."""
    return engine != "eager" and (engine != "auto" or count >= WORTH_CHOOSING)


def choose_engine(
    G: Generator, engine: str, noise_mode: str, *, late: bool, depth: int = 8, planes: bool = False,
    batch: int | None = None,
) -> Engine:  # fmt: skip
    """The fastest way this machine has to draw in full precision, or the one that is named; the log says which.

    late: whether pictures are resized or translated before they are rounded to 8 bits. depth, planes: those of the
    sink. Raises LatentartError.
    """
    random = noise_mode == "random"
    chosen = compile(
        G, only=None if engine == "auto" else engine, batch=batch or _batch(G),
        output="float" if late or depth != 8 else _frames_output(G, planes),
        noise_mode="const" if random else noise_mode, noise_inputs=random,
    )  # fmt: skip
    log.info("engine: %s", chosen.choice)
    return chosen


def _frames_output(G: Generator, planes: bool) -> str:
    even = G.img_size[0] % 2 == G.img_size[1] % 2 == 0
    # A GPU converts to planes at no cost; on a CPU the encoder does it, so films keep their bytes.
    return "yuv420" if planes and even and G.img_channels == 3 and stream.beside(G.device) else "uint8"


def _frames(drawing: _Drawing, finish: _Finish, wanted: range, batch: int) -> Iterator[Picture]:
    for numbers, made in stream.ahead(_begun(drawing, finish, wanted, batch), drawing.G.device):
        for number, frame in zip(numbers, made, strict=True):
            if number in wanted:
                yield frame


Batch = tuple[NDArray[np.int64], Picture]
"""Frame numbers and their frames."""


def _begun(drawing: _Drawing, finish: _Finish, wanted: range, batch: int) -> Iterator[Callable[[], Batch]]:
    first, total = wanted.start - wanted.start % batch, drawing.path.num_frames
    for begin in range(first, wanted.stop, batch):
        numbers = np.arange(begin, min(begin + batch, total))
        # Inference mode is entered per batch: held across a yield it would leak into the caller.
        with torch.inference_mode():
            pending = finish(drawing(numbers), numbers / total)
        yield partial(_waited, numbers, pending)


def _waited(numbers: NDArray[np.int64], pending: stream.Pending) -> Batch:
    return numbers, pending()


@dataclass(frozen=True)
class _Drawing:
    """Frame numbers -> pictures, or what waits for frames."""

    G: Generator
    path: Path
    scene: Scene
    mode: NoiseMode
    noise_seed: int

    def __call__(self, numbers: NDArray[np.int64]) -> Drawn:
        noise = random_noise(self.G, self.noise_seed, numbers) if self.mode == "random" else None
        u = numbers / self.path.num_frames
        synthesis: Any = self.scene(u)
        draw = synthesis.begin if isinstance(synthesis, Engine) and synthesis.request.output != "float" else synthesis
        made: Drawn = draw(self.path(u), noise_mode="const" if noise else self.mode, noise=noise)
        return made


@dataclass(frozen=True)
class _Finish:
    """Pictures and their phases -> what waits for frames, in another size where one is given (None: as they are)."""

    size: tuple[int, int] | None
    fit: str
    then: Then | None
    depth: int
    rounding: stream.Rounding

    def __call__(self, made: Drawn, u: NDArray[np.float64]) -> stream.Pending:
        if isinstance(made, Tensor):
            sized = made if self.size is None else pixels.resize_straight(made, self.size, self.fit)
            return self.rounding.begin(self.then(sized, u) if self.then else sized, self.depth)
        if self.size is not None or self.then or self.depth != 8:
            what = f"size {self.size}" if self.size else "translators" if self.then else f"{self.depth} bits"
            raise SettingsError(f"this engine makes 8-bit frames, too late for {what}: give one with output='float'")
        return made if callable(made) else lambda: made


def random_noise(G: Generator, seed: int, numbers: NDArray[np.int64]) -> dict[str, Tensor]:
    """Noise maps [N, 1, H, W] by layer name for frames with these numbers; the same on every device."""
    each = [seeds.noise(G.noise_shapes, seed, int(number)) for number in numbers]
    return {name: torch.from_numpy(np.stack([maps[name] for maps in each])[:, None]) for name in G.noise_shapes}
