"""ONNX: for onnxruntime, onnxruntime-web in a browser, OpenVINO, TouchDesigner and many others.

A translator becomes img [N, 3, H, W] -> out, a generator z [N, z_dim], psi (and c [N, c_dim]) -> out; pictures are RGB
in [-1, 1]. Sides may be any multiple of what the network takes; what a player has to know is JSON in the metadata
entry "latentart". Needs the extra `latentart[export]`.
"""

from __future__ import annotations

import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart import seeds
from latentart.errors import LatentartError, SettingsError
from latentart.models.base import Generator
from latentart.models.load import load
from latentart.translators.base import Translator
from latentart.translators.load import load_translator

KIND = "onnx"
IS_FOLDER = False
OPSET = 18
NEEDED = ("onnx", "onnxscript", "onnxruntime")
Named = dict[str, Tensor]


def write(network: str | Path, target: Path) -> tuple[float, tuple[str, ...]]:
    """Writes the file and runs it in onnxruntime. Raises LatentartError."""
    check_packages()
    part = _part(network)
    save(part, target)
    shapes = ", ".join(f"{name} {'x'.join(map(str, t.shape)) or 'number'}" for name, t in part.inputs.items())
    return max(difference(part, target, inputs) for inputs in part.samples()), (f"inputs: {shapes}",)


def check_packages() -> None:
    """Raises SettingsError when a package that writes ONNX is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SettingsError(f"writing ONNX needs {', '.join(missing)}: pip install 'latentart[export]'")


class Part(torch.nn.Module):
    """What is exported: a network, example inputs by name, which of their sides may change, and facts."""

    inputs: Named
    dynamic: dict[str, Any]
    facts: dict[str, Any]

    def samples(self) -> Iterator[Named]:
        """Inputs to compare with, the example's own and others of another size."""
        yield self.inputs


class TranslatorPart(Part):
    """img (and style) -> out."""

    def __init__(self, T: Translator) -> None:
        super().__init__()
        self.network = T
        side = T.multiple * max(2, -(-max(T.smallest, 48) // T.multiple))
        self.inputs = {"img": _picture(T.in_channels, side, side + T.multiple)}
        height, width = (torch.export.Dim(name, min=1) for name in ("height", "width"))
        grid = {2: T.multiple * height, 3: T.multiple * width} if T.multiple > 1 else {2: height, 3: width}
        self.dynamic = {"img": grid, "style": None} if T.style_dim else {"img": grid}
        if T.style_dim:
            self.inputs["style"] = _style(T)
        self.facts = {"kind": "translator", "family": T.family, "name": T.name, "licence": T.licence,
                      "multiple": T.multiple, "smallest": T.smallest, "trained_at": T.trained_at,
                      "styles": list(T.style_names)}  # fmt: skip

    def forward(self, img: Tensor, style: Tensor | None = None) -> Tensor:
        """Runs the network at full strength; the player blends the result over its input."""
        made: Tensor = self.network(img, style=style)
        return made

    def samples(self) -> Iterator[Named]:
        yield self.inputs
        height, width = self.inputs["img"].shape[2:]
        yield {**self.inputs, "img": _picture(self.inputs["img"].shape[1], width, height)}


class GeneratorPart(Part):
    """z, psi (and c) -> out."""

    def __init__(self, G: Generator) -> None:
        super().__init__()
        self.network = G
        z = torch.from_numpy(seeds.z(0, G.z_dim)).float()
        self.inputs = {"z": z, "psi": torch.tensor(0.8)}
        if G.c_dim:
            self.inputs["c"] = torch.eye(G.c_dim)[:1]
        self.dynamic = {name: None for name in self.inputs}
        self.facts = {"kind": "generator", "family": G.family, "name": G.name, "classes": list(G.class_names)}

    def forward(self, z: Tensor, psi: Tensor, c: Tensor | None = None) -> Tensor:
        """Noise as trained."""
        ws = self.network.mapping(z, c)
        centre = self.network.mapping.w_avg
        img: Tensor = self.network.synthesis(centre + psi * (ws - centre))
        return img

    def samples(self) -> Iterator[Named]:
        yield self.inputs
        yield {**self.inputs, "z": -self.inputs["z"], "psi": torch.tensor(0.3)}


def _part(network: str | Path) -> Part:
    try:
        T = load_translator(network, "cpu")
    except LatentartError as error:
        if "is a generator" in str(error):
            return GeneratorPart(load(network, "cpu")).eval()
        return _generator_or(network, error)
    return TranslatorPart(T.to(memory_format=torch.contiguous_format)).eval()  # type: ignore[call-overload]


def _generator_or(network: str | Path, first: LatentartError) -> Part:
    """Opens generator files that are not our safetensors; where both refuse, the translators' error counts."""
    try:
        return GeneratorPart(load(network, "cpu")).eval()
    except LatentartError:
        raise first from None


def _picture(channels: int, height: int, width: int) -> Tensor:
    """A smooth picture, [1, channels, height, width] in [-1, 1]: noise is what no network was made for."""
    y, x = torch.meshgrid(torch.linspace(0, 6, height), torch.linspace(0, 9, width), indexing="ij")
    return torch.stack([torch.sin(x * (k + 1) / 2 + y) * torch.cos(y - k) for k in range(channels)])[None]


def _style(T: Translator) -> Tensor:
    if T.style is not None:
        return T.style.detach().clone()
    if T.style_names:
        return torch.eye(T.style_dim)[0]
    return T.style_of(_picture(3, 64, 64)).detach()


def save(part: Part, target: Path) -> None:
    """Writes a part as one ONNX file."""
    with _quietly():
        try:
            program = torch.onnx.export(
                part, tuple(part.inputs.values()), None, dynamo=True, opset_version=OPSET, verbose=False,
                input_names=list(part.inputs), output_names=["out"], dynamic_shapes=_wanted(part),
            )  # fmt: skip
        except torch.onnx.errors.OnnxExporterError as error:
            lacking = re.findall(r"aten\.[\w.]+", f"{error} {error.__cause__}")
            what = f"{lacking[0]}, which ONNX does not have" if lacking else "an operation that ONNX does not have"
            family = part.facts.get("family", "this family")
            raise SettingsError(f"a network of {family} needs {what}: play it here, or with another network") from error
        assert program is not None
        program.model.metadata_props["latentart"] = json.dumps(part.facts)
        program.save(str(target), external_data=False)
    _forget_machine(target)


def _forget_machine(target: Path) -> None:
    """Takes the exporter's notes out of a file: they name the folders of the machine that wrote it."""
    import onnx

    model = onnx.load(str(target))
    forget_traces(model)
    onnx.save(model, str(target))


def forget_traces(model: Any) -> None:
    """Removes stack traces from an ONNX model in memory; its own metadata stay."""
    del model.graph.metadata_props[:], model.graph.value_info[:]
    model.doc_string = model.graph.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in [*model.graph.input, *model.graph.output, *model.graph.initializer]:
        value.doc_string = ""
        del value.metadata_props[:]


def _wanted(part: Part) -> tuple[Any, ...] | None:
    """Shapes that may change, in the order of the inputs; None where none does."""
    return tuple(part.dynamic[name] for name in part.inputs) if any(part.dynamic.values()) else None


@contextmanager
def _quietly() -> Iterator[None]:
    """PyTorch's exporter warns about its own parts and about a package that is not needed here."""
    noisy = logging.getLogger("torch.onnx")
    level = noisy.level
    noisy.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield
    finally:
        noisy.setLevel(level)


def difference(part: Part, target: Path, inputs: Named) -> float:
    """The largest difference between onnxruntime's picture and PyTorch's, on a scale of 0 .. 1."""
    import onnxruntime

    with torch.no_grad():
        wanted: Tensor = part(*inputs.values())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(target), options, providers=["CPUExecutionProvider"])
    made = session.run(None, {name: np.ascontiguousarray(t.numpy()) for name, t in inputs.items()})[0]
    return float(np.abs(made.clip(-1, 1) - wanted.clamp(-1, 1).numpy()).max()) / 2
