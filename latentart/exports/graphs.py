"""A generator as two ONNX graphs for a browser: z -> ws in float32, and ws -> picture with half-precision weights and
float32 arithmetic. One picture at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentart import seeds
from latentart.exports.onnx import Named, Part, forget_traces
from latentart.latent import space
from latentart.models.base import Generator

SMALL = 4096
"""Tensors of fewer values, such as biases, stay in float32: they cost little and would lose precision."""
CHECKED = 3
"""Seeds whose pictures are compared after writing."""


class MappingPart(Part):
    """z [1, z_dim] (and c [1, c_dim]) -> ws [1, num_ws, w_dim], without truncation."""

    def __init__(self, G: Generator) -> None:
        super().__init__()
        self.network = G.mapping
        self.inputs = {"z": _z(G, 0)}
        if G.c_dim:
            self.inputs["c"] = torch.eye(G.c_dim)[:1]
        self.dynamic = {name: None for name in self.inputs}
        self.facts: dict[str, Any] = {}
        self.others = [_z(G, seed) for seed in range(1, CHECKED)]

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """The mapping as trained."""
        ws: Tensor = self.network(z, c)
        return ws

    def samples(self) -> Iterator[Named]:
        yield self.inputs
        for z in self.others:
            yield {**self.inputs, "z": z}


class SynthesisPart(Part):
    """ws [1, num_ws, w_dim] (and the noise's strength) -> picture [1, C, H, W] in [-1, 1]."""

    def __init__(self, G: Generator) -> None:
        super().__init__()
        self.network = G.synthesis
        c = torch.eye(G.c_dim)[:1].double().numpy() if G.c_dim else None
        latents = [space.to_ws(G, seeds.z(seed, G.z_dim), c, psi=0.7) for seed in range(CHECKED)]
        self.inputs = {"ws": latents[0]}
        stored = {name.removesuffix(".noise_const"): maps for name, maps in G.synthesis.named_buffers()}
        self.noise = {name: stored[name] for name in G.noise_shapes if name in stored}
        if self.noise:
            self.inputs["noise"] = torch.tensor(1.0)
        self.dynamic = {name: None for name in self.inputs}
        self.facts = {}
        self.others = latents[1:]

    def forward(self, ws: Tensor, noise: Tensor | None = None) -> Tensor:
        """Stored noise, at any strength."""
        maps = None if noise is None else {name: values * noise for name, values in self.noise.items()}
        img: Tensor = self.network(ws, noise=maps)
        return img

    def samples(self) -> Iterator[Named]:
        yield self.inputs
        for ws in self.others:
            yield {**self.inputs, "ws": ws}


def _z(G: Generator, seed: int) -> Tensor:
    return torch.from_numpy(seeds.z(seed, G.z_dim)).float()


def slim(path: Path, *, halve: bool) -> None:
    """Rewrites an ONNX file without stack traces, and with weights in half precision, a cast behind each, if `halve`.

    Weights beyond the range of half precision stay in float32. onnxruntime folds the casts when it loads.
    """
    import onnx

    model = onnx.load(str(path))
    graph = model.graph
    kept, casts = [], []
    for tensor in graph.initializer:
        half = _halved(tensor) if halve else None
        if half is not None:
            casts.append(onnx.helper.make_node("Cast", [half.name], [tensor.name], to=onnx.TensorProto.FLOAT))
        kept.append(half or tensor)
    nodes = [*casts, *graph.node]
    for repeated, values in ((graph.initializer, kept), (graph.node, nodes)):
        copies = [type(value).FromString(value.SerializeToString()) for value in values]
        del repeated[:]
        repeated.extend(copies)
    forget_traces(model)
    del model.metadata_props[:]
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _halved(tensor: Any) -> Any:
    """An initializer in half precision, or None where it must stay."""
    import numpy as np
    import onnx

    if tensor.data_type != onnx.TensorProto.FLOAT:
        return None
    values = onnx.numpy_helper.to_array(tensor)
    if values.size < SMALL or np.abs(values).max() > np.finfo(np.float16).max:
        return None
    return onnx.numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half")
