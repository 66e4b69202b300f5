"""What the tensors of a ProGAN generator say, and the two ports whose files are read.

Ours are effective weights: the factors that training multiplied them by at run time are multiplied in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from latentart.errors import WeightsError
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.shapes import chain, shape, shown
from latentart.weights.storage import StoredTensor, load
from latentart.weights.stylegan2 import Parts
from latentart.weights.torch_file import find, is_torch, open_torch

FAMILY, SOURCE = "progan", "progan"
ZOO, AKANIMAX = "formatLayer.module.weight", "rgb_converters.0.weight"
SWITCHES = {"normalize_start": True, "unit_output": False}
GAIN = math.sqrt(2)


def complete(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """Tensors in our names and config with nothing left out. Raises WeightsError."""
    widths = widths_of(tensors)
    switches = {key: stated.get(key, usual) for key, usual in SWITCHES.items()}
    if not all(type(value) is bool for value in switches.values()):
        raise WeightsError(f"switches {str(switches)[:80]} of a ProGAN: true or false are wanted")
    return Parts(dict(tensors), {"family": FAMILY, **_facts(tensors, widths), **switches}, ())


def widths_of(tensors: Mapping[str, Tensor]) -> list[int]:
    """Channels after the start and after each convolution. Raises WeightsError when they do not fit."""
    start = shape(tensors, "start.weight", 2, "ProGAN")[0]
    layers = chain(tensors, "ProGAN")
    if start % 16 or not layers or len(layers) % 2 == 0:
        raise WeightsError(f"a start of {start} values and {len(layers)} convolutions: no ProGAN has those")
    widths = [start // 16]
    for outputs, inputs, *kernel in layers:
        if inputs != widths[-1] or kernel != [3, 3]:
            raise WeightsError(f"a convolution of shape {[outputs, inputs, *kernel]} after {widths[-1]} channels")
        widths.append(outputs)
    return widths


def _facts(tensors: Mapping[str, Tensor], widths: list[int]) -> dict[str, Any]:
    z_dim = shape(tensors, "start.weight", 2, "ProGAN")[1]
    channels = shape(tensors, "torgb.weight", 4, "ProGAN")[0]
    resolution = 4 << (len(widths) - 2) // 2
    facts = {"z_dim": z_dim, "c_dim": 0, "w_dim": z_dim, "num_ws": 1}
    return facts | {"img_resolution": resolution, "img_channels": channels}


def facts_shown(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `inspect` shows beside the config."""
    return shown(widths_of(checkpoint.tensors)[1::2])


def matches(path: Path, head: bytes) -> bool:
    """Whether it is a torch file of pytorch_GAN_zoo or of akanimax's pro_gan_pytorch."""
    return is_torch(head) and _find(open_torch(path)) is not None


def read(path: Path) -> Checkpoint:
    """The averaged generator of the file. Raises WeightsError."""
    found = _find(open_torch(path))
    if found is None:
        raise WeightsError(f"no tensor {ZOO!r}")
    stored, where, zoo = found
    tensors = load(stored, path.stat().st_size)
    parts = complete(_zoo(tensors) if zoo else _akanimax(tensors), {"normalize_start": zoo})
    port = "pytorch_GAN_zoo" if zoo else "pro_gan_pytorch"
    notes = (f"the wiring of {port}: from the names of its tensors",)
    average = where in ("avgG", "shadow_generator")
    return Checkpoint(parts.tensors, parts.config, "", port, inferred=notes if average else (*notes, _raw(where)))


def _raw(where: str) -> str:
    return f"the weights of {where}: the file has no averaged ones beside it"


def _find(document: object) -> tuple[dict[str, StoredTensor], str, bool] | None:
    """(tensors, where they were, whether it is pytorch_GAN_zoo's); averaged weights before others."""
    for key in ("avgG", "shadow_generator", "netG", "generator", ""):
        part = document.get(key) if key and isinstance(document, dict) else document
        if key and part is None:
            continue
        for name, zoo in ((ZOO, True), (AKANIMAX, False)):
            if found := find(part, name):
                return found[0], key or found[1], zoo
    return None


def _zoo(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """pytorch_GAN_zoo: He's factor, by fan-in, comes after the bias and so belongs to both."""
    toRGB = sorted((n for n in tensors if n.startswith("toRGBLayers.")), key=_numbers)
    if not toRGB:
        raise WeightsError("no tensor 'toRGBLayers.0.module.weight': not a whole ProGAN generator")
    last = f"toRGBLayers.{_numbers(toRGB[-1])[0]}"
    names = {"formatLayer": "start", "groupScale0.0": "layers.0", last: "torgb"}
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        layer, _, part = name.rpartition(".module.")
        if match := re.fullmatch(r"scaleLayers\.(\d{1,2})\.([01])", layer):
            layer = f"layers.{2 * int(match[1]) + int(match[2]) + 1}"
        elif layer in names:
            layer = names[layer]
        elif re.fullmatch(r"toRGBLayers\.\d+", layer):
            continue  # of the lower resolutions it grew through
        else:
            raise WeightsError(f"tensor {name[:80]!r} is not one of pytorch_GAN_zoo's ProGAN")
        weight = tensors.get(f"{name.rpartition('.')[0]}.weight", tensor)
        found[f"{layer}.{part}"] = tensor * _he(weight.shape[1:])
    return found


def _numbers(name: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", name)]


def _akanimax(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """pro_gan_pytorch: He's factor belongs to the weights alone; the start is a transposed convolution."""
    last = max(_numbers(n)[0] for n in tensors if n.startswith("rgb_converters."))
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if match := re.fullmatch(r"layers\.(\d{1,2})\.conv_([12])\.(weight|bias)", name):
            index = 2 * int(match[1]) + int(match[2]) - 1
            if index == 0:
                found |= {f"start.{match[3]}": _start(tensor)}
            else:
                found[f"layers.{index - 1}.{match[3]}"] = _scaled(tensor)
        elif match := re.fullmatch(r"rgb_converters\.(\d{1,2})\.(weight|bias)", name):
            found |= {f"torgb.{match[2]}": _scaled(tensor)} if int(match[1]) == last else {}
        else:
            raise WeightsError(f"tensor {name[:80]!r} is not one of pro_gan_pytorch")
    return found


def _he(fan_in: Iterable[int]) -> float:
    """He's factor for weights that read so many values."""
    return GAIN / math.sqrt(max(1, math.prod(fan_in)))


def _scaled(tensor: Tensor) -> Tensor:
    return tensor * _he(tensor.shape[1:]) if tensor.ndim == 4 else tensor


def _start(tensor: Tensor) -> Tensor:
    """[z, C, 4, 4] -> [16 C, z], fan-in z; a bias [C] once for each of the 16 pixels."""
    if tensor.ndim == 4:
        return (tensor * _he(tensor.shape[:1])).flatten(1).t().contiguous()
    return tensor.repeat_interleave(16)
