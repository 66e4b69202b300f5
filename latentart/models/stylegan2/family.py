"""The family StyleGAN2: what the tensors of a file mean, in whichever project's names, and the network built of them.

Names and shapes are those of NVIDIA's generator; every other layout is brought to them, and `complete` works out once
everything that `Config` holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart import seeds
from latentart.errors import WeightsError
from latentart.models import ops, state
from latentart.models.mapping import mapping_facts
from latentart.models.stylegan2.network import FAMILY, Config, StyleGAN2
from latentart.weights import shapes
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import LARGEST_NUMBER, below, check_side, has

FIRST_TENSOR = "synthesis.b4.const"
LOOKS_FOR = "synthesis.b4.const (NVIDIA), input.input (rosinality) or synthesis/4x4/Const/const (TensorFlow)"
W_AVG_SAMPLES = 10_000
MOST_NOISE = 12_000_000  # those of a 2048 px model have 11.2 million values
_NOT_STATED = {"conv_clamp": None, "num_fp16_res": 0}
"""The defaults of the original StyleGAN2, for files that do not state them."""
shape = partial(shapes.shape, family="StyleGAN2")


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the tensors are a StyleGAN2 generator's, in NVIDIA's, rosinality's or TensorFlow's names."""
    from latentart.models.stylegan2 import rosinality, tensorflow  # not needed for our own files

    return has(tensors, FIRST_TENSOR) or rosinality.matches(tensors) or tensorflow.matches(tensors)


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """A generator from another project's file. Raises WeightsError."""
    from latentart.models.stylegan2 import nvidia, rosinality, tensorflow

    if rosinality.matches(tensors):
        parts = complete(rosinality.converted(tensors, origin), {})
        return parts._replace(inferred=rosinality.notes(origin) + parts.inferred, source="rosinality")
    if tensorflow.matches(tensors):
        renamed = tensorflow.converted(tensors)
        return complete(renamed, tensorflow.stated(origin.contents.stated.get("kwargs", {})))
    found = below(tensors, FIRST_TENSOR)
    if "modules" not in origin.contents.stated:
        source = "torch-state" if origin.contents.source == "torch" else ""
        return complete(found, origin.contents.stated)._replace(source=source)
    parts = complete(found, nvidia.stated(origin.contents.stated["modules"], found))
    return parts._replace(inferred=nvidia.notes(origin) + parts.inferred)


def complete(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """Tensors and config with nothing left out; `stated` is what the file states beside its tensors.

    Raises WeightsError where words and tensors disagree, or tensors are missing.
    """
    shaped = _facts(tensors)
    for key, value in shaped.items():
        if stated.get(key, value) != value:
            raise WeightsError(f"the file says {key} {str(stated[key])[:80]!r}, its tensors say {str(value)!r}")
    _check_switches(stated)
    _check_filters(tensors)
    worked_out, notes = _worked_out(tensors, stated)
    if "architecture" not in stated:
        notes.append(f"architecture {shaped['architecture']!r}: from the names of its tensors")
    noise = _missing_noise(tensors)
    if noise:
        notes.append(f"noise_const of {len(noise)} layers: not in the file, drawn from seed 0")
    config = {"family": FAMILY, **stated, **shaped, **worked_out}
    return Parts({**tensors, **noise}, config | _as_floats(config), tuple(notes))


def _as_floats(config: Mapping[str, Any]) -> dict[str, float]:
    """The numbers that a file may state as whole ones."""
    return {k: float(config[k]) for k in ("conv_clamp", "mapping_lr_multiplier") if config[k] is not None}


def _worked_out(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """(switches the file does not state, a line of explanation for each)."""
    found: dict[str, Any] = {key: value for key, value in _NOT_STATED.items() if key not in stated}
    notes = [f"{key} {value!r}: not in the file" for key, value in found.items()]
    if "mapping_lr_multiplier" not in stated:
        found["mapping_lr_multiplier"] = _lr_multiplier(tensors)
        notes.append(f"mapping_lr_multiplier {found['mapping_lr_multiplier']}: from the size of the weights")
    if "mapping.w_avg" not in tensors:
        found["w_avg_samples"] = stated.get("w_avg_samples", W_AVG_SAMPLES)
        notes.append(f"w_avg: not in the file, the mean of {found['w_avg_samples']} mapped samples stands for it")
    return found, notes


def facts_shown(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `inspect` shows beside the config."""
    last, (h, w) = checkpoint.config["img_resolution"], checkpoint.config["init_res"]
    return {
        "resolution": [last * h // 4, last * w // 4],
        "num_ws": 2 * int(math.log2(last)) - 2,
        "widths": {str(r): c for r, c in widths(checkpoint.tensors).items()},
    }


def _facts(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The facts that shapes alone decide. Raises WeightsError when a tensor they need is missing or misshapen."""
    widths_ = widths(tensors)
    resolution = max(widths_)
    init_res = list(shape(tensors, FIRST_TENSOR, 3)[1:])
    check_side(resolution * max(init_res) // 4, "StyleGAN2")
    return {
        "architecture": _architecture(tensors),
        "use_noise": any(n.endswith(".noise_strength") for n in tensors),
        "init_res": init_res,
        **mapping_facts(tensors, "StyleGAN2"),
        "img_resolution": resolution,
        "img_channels": shape(tensors, f"synthesis.b{resolution}.torgb.weight", 4)[0],
        "widths": list(widths_.values()),
    }


def widths(tensors: Mapping[str, Tensor]) -> dict[int, int]:
    """Block resolution -> channels, for resolutions 4, 8, 16 ... without a gap."""
    found = [int(m[1]) for n in tensors if (m := re.fullmatch(r"synthesis\.b(\d{1,5})\.conv1\.weight", n))]
    if not found or sorted(found) != [2**i for i in range(2, len(found) + 2)]:
        raise WeightsError(
            f"blocks of resolution {sorted(found)}: a StyleGAN2 generator has 4, 8, 16 ... without a gap"
        )
    return {r: shape(tensors, f"synthesis.b{r}.conv1.weight", 4)[0] for r in sorted(found)}


def _check_switches(stated: Mapping[str, Any]) -> None:
    """Raises WeightsError for a switch of a wrong type or value."""
    kinds: dict[str, Callable[[Any], bool]] = {
        "conv_clamp": lambda v: v is None or _is_positive(v),
        "mapping_lr_multiplier": _is_positive,
        "num_fp16_res": lambda v: type(v) is int and 0 <= v <= 16,
        "w_avg_samples": lambda v: type(v) is int and 0 < v <= 1_000_000,
    }
    for key, fits in kinds.items():
        if key in stated and not fits(stated[key]):
            raise WeightsError(f"{key} {str(stated[key])[:40]!r} makes no sense in a StyleGAN2 config")


def _is_positive(value: object) -> bool:
    return type(value) in (int, float) and 0 < value < LARGEST_NUMBER  # type: ignore[operator]


def _architecture(tensors: Mapping[str, Tensor]) -> str:
    """Skip has a torgb in every block, resnet a skip convolution, orig neither."""
    if any(re.fullmatch(r"synthesis\.b\d+\.skip\.weight", n) for n in tensors):
        return "resnet"
    return "skip" if "synthesis.b4.torgb.weight" in tensors else "orig"


def _lr_multiplier(tensors: Mapping[str, Tensor]) -> float:
    """Weights start as a normal distribution divided by the multiplier, and training hardly widens them."""
    std = tensors["mapping.fc0.weight"].std().item()
    return min(1.0, max(0.01, 10.0 ** -round(math.log10(std)))) if std > 0 and math.isfinite(std) else 0.01


def _check_filters(tensors: Mapping[str, Tensor]) -> None:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    usual = torch.outer(taps, taps) / 64
    for name, tensor in tensors.items():
        if name.endswith(".resample_filter") and not (tensor.shape == (4, 4) and torch.allclose(tensor.float(), usual)):
            raise WeightsError(f"{name!r} is not the usual [1, 3, 3, 1] filter, which is the only one supported")


def _missing_noise(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Noise maps for layers that have a strength but no map (some converted files leave them out)."""
    h, w = shape(tensors, FIRST_TENSOR, 3)[1:]
    missing = {}
    for name in tensors:
        match = re.fullmatch(r"(synthesis\.b(\d{1,5})\.conv[01]\.)noise_strength", name)
        if match and f"{match[1]}noise_const" not in tensors:
            scale = int(match[2]) // 4
            missing[f"{match[1]}noise_const"] = (scale * h, scale * w)
    if sum(height * width for height, width in missing.values()) > MOST_NOISE:
        raise WeightsError(f"its noise maps are not in the file and would have more than {MOST_NOISE} values")
    return {name: torch.from_numpy(array) for name, array in seeds.noise(missing, 0).items()}


def build(checkpoint: Checkpoint) -> StyleGAN2:
    """A checkpoint -> the generator it describes, in float32, without gradients.

    Raises WeightsError when tensors are missing, left over, or of a shape that fits nothing.
    """
    whole = state.whole(checkpoint, Config, complete)
    with torch.device("meta"):
        G = StyleGAN2(state.config_of(Config, whole.config))
    tensors = dict(whole.tensors)
    _add_buffers(tensors, G)
    state.fill(G, tensors)
    if "w_avg_samples" in whole.config:
        G.mapping.w_avg.copy_(mean_w(G, int(whole.config["w_avg_samples"])))
    return G


def arrange(G: StyleGAN2) -> None:
    """Lays the weights of up layers out as a transposed convolution reads them, or it copies them at each call."""
    for layer in G.synthesis.layers().values():
        if layer.up:
            swapped = layer.weight.detach().transpose(0, 1).contiguous(memory_format=torch.channels_last)
            layer.weight.data = swapped.transpose(0, 1)


def _add_buffers(tensors: dict[str, Tensor], G: StyleGAN2) -> None:
    """Adds the buffers that a small file may leave out: FIR filters and the centre of truncation."""
    smooth = ops.smooth()
    for name, buffer in G.named_buffers():
        if name.endswith("resample_filter"):
            # Stored by some files in conv1 too, where nothing is resampled.
            tensors[name] = ops.fir(tensors[name]) if name in tensors else smooth
        elif name == "mapping.w_avg":
            tensors.setdefault(name, torch.zeros(buffer.shape))


def mean_w(G: StyleGAN2, samples: int, batch: int = 1000) -> Tensor:
    """Mean of w over seeded samples, [w_dim]: the centre of truncation for a file that stores none."""
    rng = seeds.stream(123)
    total = torch.zeros(G.w_dim, dtype=torch.float64)
    for start in range(0, samples, batch):
        n = min(batch, samples - start)
        z = torch.from_numpy(rng.randn(n, G.z_dim)).float()
        c = torch.from_numpy(np.eye(G.c_dim)[rng.randint(G.c_dim, size=n)]) if G.c_dim else None
        total += G.mapping.w(z, c).double().sum(dim=0)
    return (total / samples).float()
