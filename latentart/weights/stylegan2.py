"""What the tensors of a StyleGAN2 generator say by their names and shapes, and what has to be worked out.

Names and shapes are those of NVIDIA's generator; every reader maps its format onto them and ends here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from latentart import seeds
from latentart.errors import WeightsError
from latentart.weights.checkpoint import Checkpoint

FAMILY = "stylegan2"
ARCHITECTURES = ("skip", "resnet", "orig")
FIRST_TENSOR = "synthesis.b4.const"
W_AVG_SAMPLES = 10_000
LARGEST_NUMBER = 1e12
MOST_NOISE = 12_000_000  # those of a 2048 px model have 11.2 million values
_NOT_STATED = {"conv_clamp": None, "num_fp16_res": 0}
"""What original StyleGAN2 did, for files that do not say."""


class Parts(NamedTuple):
    """The pieces of a Checkpoint that depend on the family."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    inferred: tuple[str, ...]


def complete(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """Tensors and config with nothing left out; `stated` is what the file says in words.

    Raises WeightsError where words and tensors disagree, or tensors are missing.
    """
    shaped = facts(tensors)
    for key, value in shaped.items():
        if stated.get(key, value) != value:
            raise WeightsError(f"the file says {key} {str(stated[key])[:80]!r}, its tensors say {str(value)!r}")
    check_switches(stated)
    _check_filters(tensors)
    worked_out, notes = _worked_out(tensors, stated)
    if "architecture" not in stated:
        notes.append(f"architecture {shaped['architecture']!r}: from the names of its tensors")
    noise = _missing_noise(tensors)
    if noise:
        notes.append(f"noise_const of {len(noise)} layers: not in the file, drawn from seed 0")
    return Parts({**tensors, **noise}, {"family": FAMILY, **stated, **shaped, **worked_out}, tuple(notes))


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


def facts(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The facts that shapes alone decide. Raises WeightsError when a tensor they need is missing or misshapen."""
    widths_ = widths(tensors)
    resolution = max(widths_)
    const = shape(tensors, FIRST_TENSOR, 3)
    layers = len([n for n in tensors if re.fullmatch(r"mapping\.fc\d+\.weight", n)])
    if layers == 0:
        raise WeightsError("no tensor 'mapping.fc0.weight': not a whole StyleGAN2 generator")
    w_dim, inputs = shape(tensors, f"mapping.fc{layers - 1}.weight", 2)[0], shape(tensors, "mapping.fc0.weight", 2)[1]
    embedded, c_dim = shape(tensors, "mapping.embed.weight", 2) if "mapping.embed.weight" in tensors else (0, 0)
    if "mapping.concat.weight" in tensors:  # how the first StyleGAN2 took classes
        c_dim, embedded = shape(tensors, "mapping.concat.weight", 2)
    return {
        "architecture": _architecture(tensors),
        "mapping_layers": layers,
        "use_noise": any(n.endswith(".noise_strength") for n in tensors),
        "init_res": list(const[1:]),
        "z_dim": inputs - embedded,
        "c_dim": c_dim,
        "w_dim": w_dim,
        "img_resolution": resolution,
        "img_channels": shape(tensors, f"synthesis.b{resolution}.torgb.weight", 4)[0],
    }


def widths(tensors: Mapping[str, Tensor]) -> dict[int, int]:
    """Block resolution -> channels, for resolutions 4, 8, 16 ... without a gap."""
    found = [int(m[1]) for n in tensors if (m := re.fullmatch(r"synthesis\.b(\d{1,5})\.conv1\.weight", n))]
    if not found or sorted(found) != [2**i for i in range(2, len(found) + 2)]:
        raise WeightsError(
            f"blocks of resolution {sorted(found)}: a StyleGAN2 generator has 4, 8, 16 ... without a gap"
        )
    return {r: shape(tensors, f"synthesis.b{r}.conv1.weight", 4)[0] for r in sorted(found)}


def shape(tensors: Mapping[str, Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    """The shape of one tensor, with its number of dimensions checked."""
    if name not in tensors:
        raise WeightsError(f"no tensor {name!r}: not a whole StyleGAN2 generator")
    found = tuple(tensors[name].shape)
    if len(found) != dimensions:
        raise WeightsError(f"tensor {name!r} has shape {list(found)}, {dimensions} dimensions are wanted")
    return found


def check_switches(stated: Mapping[str, Any]) -> None:
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
        if name.endswith(".resample_filter") and not (tensor.shape == (4, 4) and torch.allclose(tensor, usual)):
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
