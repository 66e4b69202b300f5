"""Films into latent space: each frame begins at the one before and is held near it, so nothing flickers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from latentart import footage, provenance
from latentart.models.base import Generator
from latentart.projection.project import Projector
from latentart.projection.result import Projection
from latentart.projection.search import objectives, pyramid
from latentart.projection.search.loss import LARGEST, likeness
from latentart.projection.search.optimize import Schedule, Variables, descend
from latentart.projection.settings import DETAIL_PIXELS, FAR, Settings
from latentart.projection.target import Target, make_target

STEPS = 40
RATE = 0.05
SMOOTHNESS = 0.1
"""How much it costs to be one standard deviation away from the frame before, beside a perceptual distance of 1."""
LOOK = 128


@dataclass(frozen=True)
class Near:
    """Codes held near others: variables {"v": [1, rows, w_dim]}."""

    codes: objectives.Codes
    before: Tensor
    weight: float

    def loss(self, variables: Variables) -> Tensor:
        """Distance of the pictures, and of the codes from those before, [N]."""
        apart = (variables["v"] - self.before).square().mean(dim=(1, 2))
        return self.codes.loss(variables) + self.weight * apart

    def settle(self, variables: Variables) -> None:
        """Leaves the codes as they are: they have no bounds."""

    def select(self, keep: Tensor) -> Near:
        """Selects rows of the batch; see `Objective.select`."""
        return replace(self, codes=self.codes.select(keep), before=self.before[keep])


def project_clip(
    p: Projector,
    frames: Sequence[Target],
    settings: Settings,
    *,
    smoothness: float = SMOOTHNESS,
    steps: int = STEPS,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> Tensor:
    """ws [T, num_ws, w_dim] of T frames: the first as `settings` say, each other from the one before it.

    on_frame(done, total) is called after each frame.
    """
    first = p.project(frames[:1], settings)[0].ws.to(p.G.device)
    on_frame(1, len(frames))
    v = p.prior.whiten(first if settings.space == "w+" else first[:, :1])
    found = [v]
    for number, frame in enumerate(frames[1:], start=2):
        v = _next(p, frame, v, settings, smoothness=smoothness, steps=steps)
        found.append(v)
        on_frame(number, len(frames))
    return torch.cat([objectives.to_ws(p.G, p.prior.colour(each)) for each in found])


def _next(p: Projector, frame: Target, v: Tensor, settings: Settings, *, smoothness: float, steps: int) -> Tensor:
    mask = None if frame.mask is None else frame.mask.to(v)
    near = likeness(p.features, frame.img.to(v), LOOK, mask=mask, pixel_weight=DETAIL_PIXELS)
    codes = objectives.Codes(
        p.G, near, p.prior, pyramid.nearest(p.G, LARGEST), settings.norm_weight, FAR * settings.norm_weight
    )
    schedule = Schedule(steps, {"v": RATE}, warm_up=0, cool_down=0.5)
    with torch.enable_grad():
        best, _ = descend(Near(codes, v, smoothness), {"v": v}, schedule)
    return best["v"]


def read_frames(path: str | Path, G: Generator, *, fit: str = "crop", most: int | None = None) -> list[Target]:
    """The frames of a film as targets. Raises PictureError when it cannot be read."""
    found = []
    for number, picture in enumerate(footage.read(footage.open_footage(path))):
        if number == most:
            break
        found.append(make_target(picture, G, fit=fit, name=f"{Path(path).stem}{number:05d}"))
    return found


def jitter(img: Tensor) -> float:
    """Mean absolute second difference of pictures in time, [T, C, H, W]: steady motion counts as none."""
    return float((img[2:] - 2 * img[1:-1] + img[:-2]).abs().mean())


def result(p: Projector, ws: Tensor, settings: Settings, name: str, frames: int) -> Projection:
    """The bundle of a film: ws [T, num_ws, w_dim] and what it was made with."""
    record = {**asdict(settings), "features": p.features.name, "picture": {"name": name, "frames": frames}}
    checkpoint = {"name": p.G.name, "family": p.G.family, "sha256": p.G.sha256}
    return Projection(ws, settings=provenance.record(device=p.G.device, projection=record, checkpoint=checkpoint))
