"""The thing that draws: ws in, pictures out, whatever was chosen to draw them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.engine.drawing import own_noise
from latentart.engine.request import Request, Run, hooked, log
from latentart.engine.routes import eager
from latentart.engine.stream import Delivered
from latentart.engine.trial import Trial
from latentart.errors import SettingsError
from latentart.models.base import Generator

Begun = Callable[[], "Tensor | NDArray[Any]"]
"""Waits for pictures and gives them."""


class Engine:
    """`engine(ws)` draws what `G.synthesis(ws)` draws, from the weights G had when the engine was made.

    choice: what was chosen, in words. trial: its measurement. trials: every choice that was tried, and why not.
    startup: seconds that making the engine took. Not to be called from two threads at a time.
    """

    def __init__(self, G: Generator, request: Request, run: Run, trials: list[Trial], name: str) -> None:
        self.G, self.request, self.trials = G, request, trials
        self.trial = next(trial for trial in trials if trial.name == name)
        self.startup = 0.0
        self._run = run
        self._layers = list(G.synthesis.modules())
        self._told: set[str] = set()
        self._plainly: dict[str, Run] = {}

    @property
    def choice(self) -> str:
        """'openvino f32, batch 1: 8.5 ms a picture, relative error 6e-07, ready in 1.9 s (eager: 16.9 ms)'."""
        others = [t for t in self.trials if t.name != self.trial.name and not t.refused]
        beside = ", ".join(f"{t.name}: {t.milliseconds:.1f} ms" for t in others)
        words = str(self.trial).replace(":", f", batch {self.request.batch}:", 1)
        return words + (f" ({beside})" if beside else "")

    def __call__(
        self, ws: Tensor, *, noise_mode: str | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> Tensor | NDArray[Any]:
        """ws [N, num_ws, w_dim] -> float [N, C, H, W] or frames (see `Request.output`), for any N.

        noise_mode, noise: as `G.synthesis` takes them, the mode being the engine's own by default. What an engine
        made without noise_inputs cannot do is drawn by plain PyTorch, with one log line. Raises PictureError for NaN in
        frames, SettingsError when gradients are asked for.
        """
        return self.begin(ws, noise_mode=noise_mode, noise=noise)()

    def begin(self, ws: Tensor, *, noise_mode: str | None = None, noise: Mapping[str, Tensor] | None = None) -> Begun:
        """As a call, but on CUDA frames are only begun: what comes back waits for them and gives them.

        Elsewhere they are drawn here. What comes back is to be called in the order in which it came (see `stream`).
        """
        if ws.requires_grad and torch.is_grad_enabled():
            raise SettingsError("an engine gives no gradients: call G.synthesis(ws), or engine(ws.detach())")
        mode = noise_mode or self.request.noise_mode
        if reason := self._beyond(mode, noise):
            return begin(self._plain(mode, reason), ws, noise)
        maps = self._maps(mode, noise)
        batch = self.request.batch
        begun = [self._part(ws[i : i + batch], _rows(maps, i, batch)) for i in range(0, len(ws), batch)]
        return begun[0] if len(begun) == 1 else lambda: _joined([part() for part in begun])

    def _beyond(self, mode: str, noise: Mapping[str, Tensor] | None) -> str:
        """Why this engine cannot draw what it is asked for; '' when it can."""
        if self.trial.name != eager.NAME and hooked(self._layers):
            return "the model is bent by hooks"
        if self.request.noise_inputs:
            return (
                "" if mode != "random" or set(self.G.noise_shapes) <= set(noise or {}) else "it draws no noise itself"
            )
        if mode != self.request.noise_mode:
            return f"it was made for noise mode {self.request.noise_mode!r}, not {mode!r}"
        return "it was made without noise inputs" if noise and mode != "none" else ""

    def _maps(self, mode: str, noise: Mapping[str, Tensor] | None) -> Mapping[str, Tensor] | None:
        """The maps to hand in where they are not the engine's own."""
        if not self.request.noise_inputs:
            return None
        own = {} if mode == self.request.noise_mode else own_noise(self.G, mode)
        return own if mode == "none" else {**own, **(noise or {})}

    def _part(self, ws: Tensor, noise: Mapping[str, Tensor] | None) -> Begun:
        # The last part is filled up, so that a frame has the same bytes in whatever batch it is drawn.
        count, missing = len(ws), self.request.batch - len(ws)
        if missing:
            ws = torch.cat([ws, ws[-1:].expand(missing, -1, -1)])
            noise = {n: _filled(m, count, missing) for n, m in noise.items()} if noise else None
        begun = begin(self._run, ws, noise)
        return (lambda: begun()[:count]) if missing else begun

    def _plain(self, mode: str, reason: str) -> Run:
        if reason not in self._told:
            self._told.add(reason)
            log.warning("%s draws by plain PyTorch, which is slower: %s", self.trial.name, reason)
        if mode not in self._plainly:
            request = Request(batch=self.request.batch, output=self.request.output, noise_mode=mode)
            self._plainly[mode] = eager.prepare(self.G, request, eager.NAME, "")
        return self._plainly[mode]


def begin(run: Run, ws: Tensor, noise: Mapping[str, Tensor] | None) -> Begun:
    """Draws; a run that delivers from a GPU (`stream.Delivered`) only begins to."""
    if isinstance(run, Delivered):
        return run.begin(ws, noise)
    made = run(ws, noise)
    return lambda: made


def _rows(noise: Mapping[str, Tensor] | None, start: int, count: int) -> Mapping[str, Tensor] | None:
    """The maps of some samples; a [H, W] or [1, 1, H, W] map is everyone's."""
    if not noise:
        return None
    return {n: m[start : start + count] if m.ndim == 4 and len(m) > 1 else m for n, m in noise.items()}


def _filled(maps: Tensor, count: int, missing: int) -> Tensor:
    """Maps for the samples that fill up a batch, unless one map is everyone's."""
    if maps.ndim < 4 or not len(maps) == count > 1:
        return maps
    return torch.cat([maps, maps[-1:].expand(missing, -1, -1, -1)])


def _joined(parts: list[Any]) -> Any:
    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else torch.cat(parts)
