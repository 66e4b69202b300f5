"""One batch of pictures on its way through the stages: from small pictures to large, from W outward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import torch
from torch import Tensor

from latentart import provenance
from latentart.projection import presets, scribble, stages
from latentart.projection.prepared import Prepared
from latentart.projection.presets import Stage
from latentart.projection.result import Projection
from latentart.projection.search import nvidia, objectives, tune
from latentart.projection.search.loss import likeness
from latentart.projection.settings import OnStep, Settings, Step
from latentart.projection.stages import Batch
from latentart.projection.target import Target


def run(p: Prepared, targets: Sequence[Target], settings: Settings, on_step: OnStep | None) -> list[Projection]:
    """Projects a batch of targets; see `Projector.project`."""
    with torch.enable_grad():
        if settings.preset == presets.PUBLISHED:
            return _published(_batch(p, targets, settings, on_step, nvidia.STEPS))
        preset = presets.preset(settings.preset)
        way = preset.way(settings.space)
        extra = preset.noise_steps * settings.noise + preset.tune_steps * settings.tune * len(targets)
        extra += scribble.STEPS * any(t.strokes is not None for t in targets)
        batch = _batch(p, targets, settings, on_step, sum(s.steps for s in way) + extra)
        return _staged(batch, preset, way)


def _batch(p: Prepared, targets: Sequence[Target], settings: Settings, on_step: OnStep | None, total: int) -> Batch:
    img = torch.cat([t.img for t in targets]).to(p.G.device)
    whole = torch.ones(1, 1, *img.shape[2:])
    masked = any(t.mask is not None for t in targets)
    masks = [whole if t.mask is None else t.mask for t in targets]
    return Batch(p, settings, targets, img, torch.cat(masks).to(img) if masked else None, on_step, total)


def _staged(batch: Batch, preset: presets.Preset, way: Sequence[Stage]) -> list[Projection]:
    began = variables = stages.start(batch, preset.starts)
    for i, stage in enumerate(way):
        anew = i == 0 or stage.anew
        start, starts = (began, preset.starts) if anew else (variables, 1)
        variables = stages.codes(batch, stage, start, starts, beside=variables if stage.anew else None)
    ws = stages.scribbled(batch, objectives.to_ws(batch.p.G, batch.p.prior.colour(variables["v"])).contiguous())
    noise = stages.noise_maps(batch, ws, preset.noise_steps) if batch.settings.noise else {}
    deltas = stages.changes(batch, ws, noise, preset.tune_steps) if batch.settings.tune else [{} for _ in batch.targets]
    return [_result(batch, i, ws, noise, deltas[i], place=variables.get("place")) for i in range(len(ws))]


def _published(batch: Batch) -> list[Projection]:
    p = batch.p
    bare = likeness(p.features, batch.img, p.G.img_resolution, mask=batch.mask)

    def watch(step: int, ws: Tensor) -> None:
        if batch.on_step:
            batch.on_step(Step("nvidia", (step + 1) / nvidia.STEPS, ws.new_zeros(len(ws)), ws))

    ws = nvidia.published(p.G, bare, p.prior, seed=batch.settings.seed, watch=watch)
    with torch.no_grad():
        batch.finish("nvidia", nvidia.STEPS, bare(p.G.synthesis(ws)))
    return [_result(batch, i, ws, {}, {}, place=None) for i in range(len(ws))]


def _result(
    batch: Batch, i: int, ws: Tensor, noise: Mapping[str, Tensor], delta: tune.Delta, *, place: Tensor | None
) -> Projection:
    G, target, own = batch.p.G, batch.targets[i], ws[[i]].detach().contiguous()
    record = {
        **asdict(batch.settings),
        "features": batch.p.features.name,
        "losses": {name: values[i] for name, values in batch.losses.items()},
        "strangeness": float(batch.p.prior.norm(own)),
        "picture": {"name": target.name, "size": list(target.source), "fit": target.fit},
        "strokes": target.strokes is not None,
        "place": None if place is None else place[i].tolist(),
    }
    checkpoint = {"name": G.name, "family": G.family, "sha256": G.sha256}
    settings = provenance.record(device=G.device, projection=record, checkpoint=checkpoint)
    return Projection(own, {name: value[[i]].detach() for name, value in noise.items()}, delta, settings)
