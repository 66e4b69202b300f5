"""A checkpoint in facts: what `latentart weights inspect` says."""

from __future__ import annotations

from typing import Any

from latentart.weights import families
from latentart.weights.checkpoint import Checkpoint

_STATED = ("z_dim", "w_dim", "num_ws", "architecture", "mapping_layers", "mapping_lr_multiplier", "conv_clamp")


def resolution(checkpoint: Checkpoint) -> tuple[int, int] | None:
    """(height, width) in pixels of a generator's images, as its family states it; None for a file without it."""
    stated = _stated(checkpoint)
    side = stated.get("img_resolution")
    height, width = stated.get("resolution", (side, side))
    return None if height is None else (height, width)


def describe(checkpoint: Checkpoint) -> dict[str, Any]:
    """JSON types only. Sizes in pixels, `resolution` as [height, width], `bytes` of the tensors in memory."""
    config, shown = checkpoint.config, _stated(checkpoint)
    counted = [t for n, t in checkpoint.tensors.items() if not n.endswith((".noise_const", "_filter", ".w_avg"))]
    return {
        "name": checkpoint.name,
        "family": config["family"],
        "format": checkpoint.source,
        "resolution": list(resolution(checkpoint) or (None, None)),
        "channels": shown.get("img_channels"),
        "classes": shown.get("c_dim", 0),
        "class_names": list(checkpoint.card.get("class_names", [])),
        **{key: shown.get(key) for key in _STATED},
        "widths": shown.get("widths", {}),
        "noise": shown.get("use_noise"),
        "fp16_blocks": shown.get("num_fp16_res"),
        "parameters": sum(t.numel() for t in counted),
        "bytes": sum(t.numel() * t.element_size() for t in checkpoint.tensors.values()),
        "inferred": list(checkpoint.inferred),
        "license": checkpoint.card.get("license"),
        "data": checkpoint.card.get("data"),
        "sha256": checkpoint.sha256,
    }


def _stated(checkpoint: Checkpoint) -> dict[str, Any]:
    generator = families.generator(checkpoint.config["family"])
    return {**checkpoint.config, **(generator.facts_shown(checkpoint) if generator else {})}
