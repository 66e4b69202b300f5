"""The stages of a search for a batch of pictures: a start, codes, strokes, noise maps, changes of the generator."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from latentart.errors import SettingsError
from latentart.projection import scribble
from latentart.projection.prepared import Prepared
from latentart.projection.presets import Stage
from latentart.projection.search import bank, objectives, pyramid, tune
from latentart.projection.search.align import Aligned
from latentart.projection.search.loss import LARGEST, Likeness, likeness
from latentart.projection.search.optimize import Objective, Schedule, Variables, Watcher, descend
from latentart.projection.settings import DETAIL_PIXELS, FAR, OnStep, Settings, Step
from latentart.projection.target import Target

log = logging.getLogger(__name__)

NEIGHBOURS = 8
PLACE_RATE = 0.15
NOISE_RATE = 0.1
WHITE_WEIGHT = 1.0
COOL_DOWN = 0.5


@dataclass
class Batch:
    """Targets stacked, [N, C, H, W] and [N, 1, H, W] or None, and what has been measured on the way."""

    p: Prepared
    settings: Settings
    targets: Sequence[Target]
    img: Tensor
    mask: Tensor | None
    on_step: OnStep | None
    total: int
    before: int = 0
    losses: dict[str, list[float]] = field(default_factory=dict)

    def likeness(
        self, size: int, repeat: int = 1, pixel_weight: float = DETAIL_PIXELS, *, cut: bool = False
    ) -> Likeness:
        """Distances to the targets at that size, each target `repeat` times."""
        mask = None if self.mask is None else self.mask.repeat_interleave(repeat, dim=0)
        img = self.img.repeat_interleave(repeat, dim=0)
        return likeness(self.p.features, img, size, mask=mask, pixel_weight=pixel_weight, cut=cut)

    def watch(self, name: str, starts: int = 1) -> Watcher | None:
        """Passes steps of the stage `name` on to on_step; of several starts it shows the first."""
        on_step, before = self.on_step, self.before
        if on_step is None:
            return None

        def watch(step: int, losses: Tensor, best: Variables) -> None:
            ws = objectives.to_ws(self.p.G, self.p.prior.colour(best["v"][::starts])) if "v" in best else None
            on_step(Step(name, min(1.0, (before + step + 1) / self.total), losses[::starts], ws))

        return watch

    def finish(self, name: str, steps: int, losses: Tensor) -> None:
        """Records the losses at the end of a stage."""
        self.before += steps
        self.losses[name] = losses.tolist()


def start(batch: Batch, count: int) -> Variables:
    """Where each picture begins, `count` times: the mean of its nearest samples, then the nearest ones themselves."""
    p = batch.p
    looks = bank.look(p.features, batch.img)
    near = p.bank.nearest(looks, max(NEIGHBOURS, count - 1), batch.mask)
    if batch.mask is None:
        _warn_of_far(batch, looks)
    starts = [p.bank.w[near[:, :NEIGHBOURS]].mean(dim=1), *(p.bank.w[near[:, i]] for i in range(count - 1))]
    if p.encoder is not None:
        starts[0] = p.encoder(batch.img)
    v = p.prior.whiten(torch.stack(starts, dim=1).flatten(0, 1))[:, None]
    return {"v": v, "place": v.new_zeros(len(v), 4)} if batch.settings.align else {"v": v}


def _warn_of_far(batch: Batch, looks: Tensor) -> None:
    usual = batch.p.bank.usual
    for target, distance in zip(batch.targets, batch.p.bank.distance(looks), strict=True):
        if distance > usual:
            log.warning(
                "%s is unlike anything %s draws (%.1f times as far from its samples as they are apart); to see what"
                " it can do, project one of its own samples", target.name, batch.p.G.name, distance / usual,
            )  # fmt: skip


def codes(batch: Batch, stage: Stage, variables: Variables, starts: int, beside: Variables | None = None) -> Variables:
    """One stage in W or W+; the best of each picture's starts goes on, or what is in `beside` if that is better."""
    G = batch.p.G
    if stage.space == "w+":
        variables = variables | {"v": objectives.to_ws(G, variables["v"]).contiguous()}
    # Nothing is compared above LARGEST, so nothing larger is rendered; what is rendered lower looks too different.
    size = pyramid.nearest(G, LARGEST)
    # One w is held by the mapping network's own shape; rows on their own need the P-norm.
    norm_weight = batch.settings.norm_weight if stage.space == "w+" else 0.0
    codes = objectives.Codes(G, _compared(batch, stage, starts), batch.p.prior, size, norm_weight, FAR * norm_weight)
    objective = Aligned(codes) if "place" in variables else codes
    rates = {"v": stage.rate, "place": PLACE_RATE}
    schedule = Schedule(stage.steps, rates, cool_down=COOL_DOWN, patience=stage.patience, at_once=batch.p.at_once)
    name = stage.name + (f" x{starts}" if starts > 1 else "")
    best, losses = descend(objective, variables, schedule, batch.watch(name, starts))
    if starts > 1:
        rows = torch.arange(0, len(losses), starts, device=losses.device) + losses.view(-1, starts).argmin(dim=1)
        best, losses = {key: value[rows] for key, value in best.items()}, losses[rows]
        objective = objective.select(rows)
    if beside is not None:
        best, losses = _better(objective, best, losses, beside)
    batch.finish(name, stage.steps, losses)
    return best


def _compared(batch: Batch, stage: Stage, starts: int) -> Likeness:
    """Likeness in the looks of a stage; the smaller they are, the less pixels count."""
    # The generator's own codes overshoot black and white, and find their way back; in W+ a search that may do so gets
    # lost in glare.
    near, *closer = (
        batch.likeness(look, starts, stage.pixels * min(1.0, look / batch.p.G.img_resolution), cut=stage.space == "w")
        for look in (stage.look, stage.closer) if look
    )  # fmt: skip
    return replace(near, closer=closer[0]) if closer else near


def _better(objective: Objective, best: Variables, losses: Tensor, beside: Variables) -> tuple[Variables, Tensor]:
    """Picture by picture, what has the smaller loss."""
    with torch.no_grad():
        others = objective.loss(beside)
    chosen = others < losses
    mixed = {n: torch.where(chosen.view(-1, *[1] * (v.ndim - 1)), beside[n], v) for n, v in best.items()}
    return mixed, torch.minimum(losses, others)


def scribbled(batch: Batch, ws: Tensor) -> Tensor:
    """The codes of pictures that were drawn on follow the strokes."""
    drawn = [(i, t.strokes) for i, t in enumerate(batch.targets) if t.strokes is not None]
    if not drawn:
        return ws
    rows = torch.tensor([i for i, _ in drawn], device=ws.device)
    both = torch.cat([strokes for _, strokes in drawn])
    colours, opacity = both[:, :-1], both[:, -1:]
    watch = None if len(drawn) < len(ws) else batch.watch("scribble")
    ws[rows] = scribble.scribble(batch.p, ws[rows], colours, opacity, watch=watch)
    batch.before += scribble.STEPS
    return ws


def noise_maps(batch: Batch, ws: Tensor, steps: int) -> Variables:
    """Noise maps for codes held still, from the generator's own: fine texture without meaning."""
    G = batch.p.G
    if not G.noise_shapes:
        raise SettingsError(f"{G.name!r} has no noise maps: leave out --noise (noise=True)")
    own = dict(G.synthesis.named_buffers())
    start = {name: own[f"{name}.noise_const"].expand(len(ws), 1, -1, -1).clone() for name in G.noise_shapes}
    objective = objectives.Noise(G, batch.likeness(G.img_resolution), ws, WHITE_WEIGHT)
    schedule = Schedule(steps, dict.fromkeys(start, NOISE_RATE), cool_down=COOL_DOWN, at_once=batch.p.at_once)
    best, losses = descend(objective, start, schedule, batch.watch("noise"))
    batch.finish("noise", steps, losses)
    return best


def changes(batch: Batch, ws: Tensor, noise: Mapping[str, Tensor], steps: int) -> list[tune.Delta]:
    """A change of the generator for each picture by itself."""
    whole = batch.likeness(batch.p.G.img_resolution)
    deltas, losses = [], []
    for i in range(len(ws)):
        schedule = Schedule(steps, {}, cool_down=COOL_DOWN, patience=max(20, steps // 6))
        own = {name: value[[i]] for name, value in noise.items()}
        one = whole.select(torch.tensor([i], device=ws.device))
        delta, loss = tune.tune(
            batch.p.G, ws[[i]], one, schedule, noise=own, seed=batch.settings.seed, watch=batch.watch("tune")
        )
        batch.before += steps
        deltas.append(delta)
        losses.append(loss)
    batch.losses["tune"] = losses
    return deltas
