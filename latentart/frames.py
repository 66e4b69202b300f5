"""Generator and Path to frames, in batches, one after the other: memory does not grow with the film."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import pixels, seeds
from latentart.errors import SettingsError
from latentart.models.base import Generator, NoiseMode, check_noise_mode
from latentart.paths import Path


class Synthesis(Protocol):
    """`G.synthesis`, or an engine that does the same faster."""

    def __call__(self, ws: Tensor, *, noise_mode: NoiseMode = ..., noise: dict[str, Tensor] | None = ...) -> Any:
        """ws [N, num_ws, w_dim] -> [N, C, H, W] in [-1, 1], or frames, uint8 [N, H, W, C]."""
        ...


Scene = Callable[[NDArray[np.float64]], Synthesis]
"""Phases u [N] -> what draws the frames at these phases."""


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
) -> Iterator[pixels.Frame]:
    """The pictures of a path in order, uint8 [H, W, C] each.

    noise_mode: 'const', 'none', or 'random', fresh noise for each frame, named by (noise_seed, frame index).
    size: (width, height), with fit 'crop', 'pad' or 'stretch'; None keeps the model's own.
    start, stop: a range of frames; any range gives the same pictures as the whole film. Batches are aligned to
    frame numbers for that reason. batch: pictures made at a time (by default 1 on a CPU, 8 elsewhere).
    synthesis: what to draw with instead of `G.synthesis`. scene: phases u [N] -> what to draw those frames with, for
    models that are bent or blended over time. Raises SettingsError.
    """
    mode = check_noise_mode(noise_mode)
    count = batch or (1 if G.device.type == "cpu" else 8)
    last = path.num_frames if stop is None else stop
    if not 0 <= start <= last <= path.num_frames:
        raise SettingsError(f"frames {start} to {last} are outside this film of {path.num_frames}")
    if synthesis is not None and scene is not None:
        raise SettingsError("a scene draws for itself: leave out the engine of a film that is bent or blended")
    chosen = synthesis or G.synthesis
    if size is not None:
        pixels.check_size(size)
    return _frames(G, path, scene or (lambda u: chosen), mode, noise_seed, size, fit, range(start, last), count)


def _frames(
    G: Generator,
    path: Path,
    scene: Scene,
    mode: NoiseMode,
    noise_seed: int,
    size: tuple[int, int] | None,
    fit: str,
    wanted: range,
    batch: int,
) -> Iterator[pixels.Frame]:
    first = wanted.start - wanted.start % batch
    other = None if size == G.img_size[::-1] else size
    for begin in range(first, wanted.stop, batch):
        numbers = np.arange(begin, min(begin + batch, path.num_frames))
        made = _draw(G, path, scene, mode, noise_seed, numbers)
        for number, frame in zip(numbers, _finish(made, other, fit), strict=True):
            if number in wanted:
                yield frame


def _draw(
    G: Generator, path: Path, scene: Scene, mode: NoiseMode, noise_seed: int, numbers: NDArray[np.int64]
) -> Tensor | pixels.Frame:
    # Inference mode is entered per batch: held across a yield it would leak into the caller.
    with torch.inference_mode():
        noise = random_noise(G, noise_seed, numbers) if mode == "random" else None
        u = numbers / path.num_frames
        made: Tensor | pixels.Frame = scene(u)(path(u), noise_mode="const" if noise else mode, noise=noise)
        return made


def _finish(made: Tensor | pixels.Frame, size: tuple[int, int] | None, fit: str) -> pixels.Frame:
    """Pictures in another size (None: as they are) as uint8."""
    if isinstance(made, Tensor):
        return pixels.to_uint8(made if size is None else pixels.resize(made, size, fit))
    if size is not None:
        raise SettingsError(f"this engine makes 8-bit frames, too late for size {size}: give one with output='float'")
    return made


def random_noise(G: Generator, seed: int, numbers: NDArray[np.int64]) -> dict[str, Tensor]:
    """Noise maps [N, 1, H, W] by layer name for frames with these numbers; the same on every device."""
    each = [seeds.noise(G.noise_shapes, seed, int(number)) for number in numbers]
    return {name: torch.from_numpy(np.stack([maps[name] for maps in each])[:, None]) for name in G.noise_shapes}
