"""Writes pickles in the layout of NVIDIA's StyleGAN tools, from the layout alone.

The networks are stand-ins without behaviour: Python's own pickler writes them as calls of a reconstruct function
with a dictionary of class name, source text and attributes, which is what the real tools do.
"""

from __future__ import annotations

import contextlib
import math
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

BUFFERS = ("resample_filter", "noise_const", "w_avg", "magnitude_ema", "up_filter", "down_filter", "freqs", "phases")
SOURCE_TEXT = "import os\nos.environ['LATENTART_TEST_EXECUTED'] = 'module source'\n" + "# padding\n" * 600
"""What a reader that executes the embedded source would run."""


class Network:
    """One module: attributes to pickle, nothing else."""

    def __init__(self, class_name: str, source: str = SOURCE_TEXT, **attributes: Any) -> None:
        self.class_name, self.source = class_name, source
        self.state: dict[str, Any] = {
            "training": False,
            "_parameters": OrderedDict(),
            "_buffers": OrderedDict(),
            "_non_persistent_buffers_set": set(),
            "_backward_hooks": OrderedDict(),
            "_forward_hooks": OrderedDict(),
            "_modules": OrderedDict(),
            "_init_args": (),
            "_init_kwargs": {},
            **attributes,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        easy_dict, rebuild = sys.modules["dnnlib.util"].EasyDict, _function()
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": self.class_name}
        return rebuild, (easy_dict(**meta, state=self.state),)

    def add(self, path: str, tensor: Tensor) -> None:
        """Puts a tensor at 'mapping.fc0.weight', making modules on the way."""
        *modules, name = path.split(".")
        target = self
        for module in modules:
            target = target.state["_modules"].setdefault(module, Network(_class_name(module)))
        if name in BUFFERS:
            target.state["_buffers"][name] = tensor
        else:
            target.state["_parameters"][name] = torch.nn.Parameter(tensor, requires_grad=tensor.is_floating_point())

    def at(self, path: str) -> Network:
        """The module at 'synthesis.b8', or at '' itself."""
        target = self
        for module in filter(None, path.split(".")):
            target = target.state["_modules"][module]
        return target

    def modules(self, prefix: str = "") -> Iterator[tuple[str, Network]]:
        """Every module below this one with its path."""
        for name, child in self.state["_modules"].items():
            yield f"{prefix}{name}", child
            yield from child.modules(f"{prefix}{name}.")


def network(tensors: Mapping[str, Tensor], class_name: str = "Generator", **attributes: Any) -> Network:
    """A tree of modules that holds the tensors."""
    root = Network(class_name, **attributes)
    for path, tensor in tensors.items():
        root.add(path, tensor)
    return root


def stylegan2(tensors: Mapping[str, Tensor], config: Mapping[str, Any], *, flavour: str = "ada") -> Network:
    """A StyleGAN2 generator with the attributes that the real classes set.

    flavour: 'ada' nests the keyword arguments of the two halves, 'sg3' (StyleGAN3's repository) has them flat.
    """
    facts = {k: config[k] for k in ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels")}
    last = config["img_resolution"]
    root = network(tensors, **facts, num_ws=2 * int(math.log2(last)) - 2, _init_kwargs=_init_kwargs(config, flavour))
    root.at("mapping").state |= {"num_layers": config["mapping_layers"], "w_avg_beta": 0.995}
    for path, module in root.modules():
        module.state |= _attributes(path, tensors, config)
    return root


def write_nvidia_pickle(
    path: Path,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, Any],
    *,
    flavour: str = "ada",
    keys: tuple[str, ...] = ("G", "D", "G_ema"),
) -> None:
    """Writes a StyleGAN2 checkpoint; keys left out are not in the file. G's weights differ from G_ema's."""
    networks = {
        "G": lambda: stylegan2({n: t + 1 for n, t in _without_filters(tensors)}, config, flavour=flavour),
        "D": lambda: network({"b4.fc.weight": torch.zeros(4, 8), "b4.out.weight": torch.ones(1, 4)}, "Discriminator"),
        "G_ema": lambda: stylegan2(tensors, config, flavour=flavour),
    }
    document: dict[str, Any] = {k: networks[k]() for k in keys}
    document |= {"augment_pipe": None, "training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset"}}
    write_document(path, document, protocol=3 if flavour == "ada" else 4)


def write_document(path: Path, document: object, *, protocol: int = 4) -> None:
    """Pickles anything that holds `Network`s."""
    with stand_ins():
        path.write_bytes(pickle.dumps(document, protocol))


@contextlib.contextmanager
def stand_ins() -> Iterator[None]:
    """Modules of the names that the pickler writes, for as long as it writes."""
    names = ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util")
    for name in names:
        sys.modules[name] = types.ModuleType(name)
    function = types.FunctionType((lambda meta: None).__code__, {}, "_reconstruct_persistent_obj")
    function.__module__, function.__qualname__ = "torch_utils.persistence", "_reconstruct_persistent_obj"
    sys.modules["torch_utils.persistence"].__dict__["_reconstruct_persistent_obj"] = function
    sys.modules["dnnlib.util"].__dict__["EasyDict"] = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def _function() -> Any:
    return sys.modules["torch_utils.persistence"].__dict__["_reconstruct_persistent_obj"]


def _without_filters(tensors: Mapping[str, Tensor]) -> list[tuple[str, Tensor]]:
    return [(n, t) for n, t in tensors.items() if not n.endswith("resample_filter")]


def _class_name(module: str) -> str:
    kinds = {"mapping": "MappingNetwork", "synthesis": "SynthesisNetwork", "torgb": "ToRGBLayer", "skip": "Conv2dLayer"}
    if module in kinds:
        return kinds[module]
    if module.startswith("conv"):
        return "SynthesisLayer"
    return "SynthesisBlock" if module[0] == "b" and module[1:].isdigit() else "FullyConnectedLayer"


def _init_kwargs(config: Mapping[str, Any], flavour: str) -> dict[str, Any]:
    synthesis = {k: config[k] for k in ("conv_clamp", "num_fp16_res", "architecture")}
    mapping = {"num_layers": config["mapping_layers"]}
    if flavour == "ada":
        return {"mapping_kwargs": mapping, "synthesis_kwargs": {"channel_base": 512, **synthesis}}
    return {"mapping_kwargs": mapping, "channel_base": 512, **synthesis}


def _attributes(path: str, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Any]:
    """What a module of the real tools keeps beside its tensors."""
    name = path.rpartition(".")[2]
    if name.startswith("fc") or name in ("embed", "affine"):
        gain = config["mapping_lr_multiplier"] if name.startswith("fc") else 1
        inputs = tensors[f"{path}.weight"].shape[1]
        activation = "lrelu" if name.startswith("fc") else "linear"
        return {"activation": activation, "weight_gain": gain / np.sqrt(inputs), "bias_gain": gain}
    if name.startswith("conv"):
        layer = {"use_noise": config["use_noise"], "conv_clamp": config["conv_clamp"], "activation": "lrelu"}
        return layer | {"up": 2 if name == "conv0" else 1, "padding": 1, "act_gain": np.sqrt(2)}
    if name.startswith("b") and path.count(".") == 1:
        return _block_attributes(int(name[1:]), config)
    return {"conv_clamp": config["conv_clamp"]} if name == "torgb" else {}


def _block_attributes(resolution: int, config: Mapping[str, Any]) -> dict[str, Any]:
    last, half = config["img_resolution"], config["num_fp16_res"]
    return {
        "resolution": resolution,
        "architecture": config["architecture"],
        "is_last": resolution == last,
        "use_fp16": half > 0 and resolution >= max(2 ** (int(math.log2(last)) + 1 - half), 8),
        "num_conv": 1 if resolution == 4 else 2,
        "num_torgb": int(config["architecture"] == "skip" or resolution == last),
    }
