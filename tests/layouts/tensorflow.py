"""Writes pickles in the layout of StyleGAN2 for TensorFlow, from the layout alone."""

from __future__ import annotations

import contextlib
import math
import pickle
import re
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

SOURCE_TEXT = "import os\nos.environ['LATENTART_TEST_EXECUTED'] = 'build module'\n" + "# padding\n" * 600
Variables = list[tuple[str, NDArray[np.float32]]]


class Network:
    """Attributes to pickle, as the real class does: an empty object, then its state."""

    def __init__(
        self, name: str, variables: Variables, kwargs: Mapping[str, Any], version: int, **components: Any
    ) -> None:
        self.state = {
            "version": version,
            "name": name,
            "static_kwargs": dict(kwargs),
            "components": components,
            "build_module_src": SOURCE_TEXT,
            "build_func_name": "G_main",
            "variables": variables,
        }

    def __getstate__(self) -> dict[str, Any]:
        return self.state


def network(tensors: Mapping[str, Tensor], config: Mapping[str, Any], *, version: int = 5, **kwargs: Any) -> Network:
    """A generator of NVIDIA's PyTorch names -> the TensorFlow network that holds it."""
    named = [(rename(n, t, config), array(n, t)) for n, t in tensors.items() if not n.endswith("resample_filter")]
    own = [(n, a) for n, a in named if "/" not in n] + [("lod", np.float32(0))]
    below = {h: [(n.removeprefix(f"{h}/"), a) for n, a in named if n.startswith(h)] for h in ("mapping", "synthesis")}
    halves = {half: Network(f"G_{half}", variables, {}, version) for half, variables in below.items()}
    stated = {"mapping_lrmul": config["mapping_lr_multiplier"], "truncation_psi": 0.5, "randomize_noise": True}
    if version == 5:
        stated["conv_clamp"] = config["conv_clamp"]
    return Network("Gs", own, stated | {"resample_kernel": [1, 3, 3, 1]} | kwargs, version, **halves)


def write(path: Path, document: object, protocol: int = 4) -> None:
    """Pickles anything that holds `Network`s."""
    with stand_ins():
        path.write_bytes(pickle.dumps(document, protocol))


@contextlib.contextmanager
def stand_ins() -> Iterator[None]:
    """Modules of the names that the pickler writes, for as long as it writes."""
    names = ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network")
    for name in names:
        sys.modules[name] = types.ModuleType(name)
    sys.modules["dnnlib.tflib.network"].__dict__["Network"] = Network
    Network.__module__ = "dnnlib.tflib.network"
    try:
        yield
    finally:
        Network.__module__ = __name__
        for name in names:
            del sys.modules[name]


def rename(name: str, tensor: Tensor, config: Mapping[str, Any]) -> str:
    """'synthesis.b8.conv0.weight' -> 'synthesis/8x8/Conv0_up/weight'."""
    if name == "mapping.w_avg":
        return "dlatent_avg"
    if match := re.fullmatch(r"mapping\.(fc\d|embed|concat)\.(weight|bias)", name):
        layer = {"embed": "LabelEmbed", "concat": "LabelConcat"}.get(match[1], match[1].replace("fc", "Dense"))
        return f"mapping/{layer}/{match[2]}"
    match = re.fullmatch(r"synthesis\.b(\d+)\.(?:(\w+)\.)?(.+)", name)
    assert match, name
    r = int(match[1])
    h, w = config["init_res"]
    size = f"synthesis/{r * h // 4}x{r * w // 4}"
    if match[3] == "const":
        return f"{size}/Const/const"
    if match[3] == "noise_const":
        level = int(math.log2(r)) - 2
        return f"synthesis/noise{0 if r == 4 else 2 * level - (match[2] == 'conv0')}"
    layer = {"conv0": "Conv0_up", "conv1": "Conv" if r == 4 else "Conv1", "torgb": "ToRGB", "skip": "Skip"}[match[2]]
    return f"{size}/{layer}/{match[3].replace('affine.', 'mod_')}"


def array(name: str, tensor: Tensor) -> NDArray[np.float32]:
    """The tensor as TensorFlow keeps it."""
    values = tensor.numpy()
    if name.endswith("affine.bias"):
        return values - 1
    if name.endswith(("const", "noise_const")):
        return values.reshape((1,) * (4 - values.ndim) + values.shape)
    if values.ndim == 4:
        turned = values[:, :, ::-1, ::-1] if ".conv0." in name or ".skip." in name else values
        return np.ascontiguousarray(turned.transpose(2, 3, 1, 0))
    if values.ndim == 0:
        return np.float32(values)  # what a session gives for a single value
    return np.ascontiguousarray(values.T) if values.ndim == 2 and "concat" not in name else values
