"""The thing that draws: ws in, pictures out, whatever was chosen to draw them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart.engine.request import Request, Run, log
from latentart.engine.routes import eager
from latentart.engine.trial import Trial
from latentart.errors import SettingsError
from latentart.models.base import Generator


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
        self._eager = eager.prepare(G, request, eager.NAME, "")
        self._told: set[str] = set()

    @property
    def choice(self) -> str:
        """'openvino f32 (AMD EPYC, 2 cores; batch 1): 8.5 ms a picture, error 6e-07, ready in 0.3 s'."""
        others = [t for t in self.trials if t.name != self.trial.name and not t.refused]
        beside = "; ".join(f"{t.name} {t.milliseconds:.1f} ms" for t in others)
        return f"{self.trial}, batch {self.request.batch}" + (f" (beside {beside})" if beside else "")

    def __call__(
        self, ws: Tensor, *, noise_mode: str | None = None, noise: Mapping[str, Tensor] | None = None
    ) -> Tensor | NDArray[Any]:
        """ws [N, num_ws, w_dim] -> float [N, C, H, W] or uint8 [N, H, W, C], for any N.

        noise: maps by layer name, [H, W] or [N, 1, H, W], for an engine made with noise_inputs; another engine, or
        another noise_mode than its own, draws by plain PyTorch and says so once. Raises PictureError for NaN in
        uint8 pictures, SettingsError when gradients are asked for.
        """
        if ws.requires_grad and torch.is_grad_enabled():
            raise SettingsError("an engine gives no gradients: call G.synthesis(ws), or engine(ws.detach())")
        if reason := self._beyond(noise_mode, noise):
            return self._plainly(ws, noise_mode or self.request.noise_mode, noise, reason)
        batch = self.request.batch
        made = [self._part(ws[i : i + batch], _rows(noise, i, batch)) for i in range(0, len(ws), batch)]
        return made[0] if len(made) == 1 else _joined(made)

    def _beyond(self, noise_mode: str | None, noise: Mapping[str, Tensor] | None) -> str:
        """Why this engine cannot draw what it is asked for; '' when it can."""
        if noise and not self.request.noise_inputs:
            return "it was made without noise inputs"
        if noise_mode not in (None, self.request.noise_mode):
            return f"it was made for noise mode {self.request.noise_mode!r}, not {noise_mode!r}"
        return ""

    def _part(self, ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor | NDArray[Any]:
        # The last part is filled up, so that a frame has the same bytes in whatever batch it is drawn.
        count, missing = len(ws), self.request.batch - len(ws)
        if missing:
            ws = torch.cat([ws, ws[-1:].expand(missing, -1, -1)])
            noise = {n: _filled(m, count, missing) for n, m in noise.items()} if noise else None
        return self._run(ws, noise)[:count]

    def _plainly(self, ws: Tensor, mode: str, noise: Mapping[str, Tensor] | None, reason: str) -> Tensor | NDArray[Any]:
        if reason not in self._told:
            self._told.add(reason)
            log.warning("%s draws by plain PyTorch, which is slower: %s", self.trial.name, reason)
        request = Request(batch=self.request.batch, output=self.request.output, noise_mode=mode)
        return eager.prepare(self.G, request, eager.NAME, "")(ws, noise)


def _rows(noise: Mapping[str, Tensor] | None, start: int, count: int) -> Mapping[str, Tensor] | None:
    """The maps of some samples; a [H, W] map is everyone's."""
    return {n: m[start : start + count] if m.ndim == 4 else m for n, m in noise.items()} if noise else None


def _filled(maps: Tensor, count: int, missing: int) -> Tensor:
    own = maps.ndim == 4 and len(maps) == count > 1
    return torch.cat([maps, maps[-1:].expand(missing, -1, -1, -1)]) if own else maps


def _joined(parts: list[Any]) -> Any:
    return np.concatenate(parts) if isinstance(parts[0], np.ndarray) else torch.cat(parts)
