"""FastGAN generators (Liu et al. 2021, arXiv:2101.04775), as the authors' training saves them: few pictures, one GPU.

4 x 4 grows by repeating pixels, convolutions and gated linear units; small feature maps weigh the channels of ones four
doublings later (skip-layer excitation). There is no W: z is what walks move. Spectral normalisation and batch
normalisation, with its stored averages, are folded into the convolutions when a file is read: a picture then depends on
its own z and noise only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import seeds
from latentart.errors import WeightsError
from latentart.models.base import NoiseMode, Synthesizer
from latentart.models.direct import Direct, built
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import below, check_side, has, shape, shown

FAMILY = "fastgan"
FIRST = "init.init.1.running_mean"
LOOKS_FOR = f"{FIRST} and feat_8.3.running_mean (odegeasslbc/FastGAN-pytorch)"
EPSILON, REACH, MOST_GATES, TANH_FROM = 1e-5, 4, 4, 1024
"""REACH: doublings between a feature map and the one whose channels it weighs."""


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of a FastGAN generator."""

    z_dim: int
    widths: tuple[int, ...]
    """Channels at 4 x 4 and after each doubling."""
    depths: tuple[int, ...]
    """Convolutions after each doubling, 1 or 2; where there are 2, each has noise."""
    gates: int
    """Skip-layer excitations: of 64 x 64 by 4 x 4, of 128 x 128 by 8 x 8 ..."""
    img_channels: int
    tanh: bool
    """Whether pictures end in a hyperbolic tangent: those of 1024 pixels do."""

    @property
    def size(self) -> int:
        """Pixels on each side."""
        return 4 << (len(self.widths) - 1)


class Block(torch.nn.Module):
    """A doubling, then convolutions, each with noise (where there are two) and a gated linear unit."""

    noise_const: Tensor

    def __init__(self, inputs: int, outputs: int, depth: int, size: int) -> None:
        super().__init__()
        widths = (inputs, *[outputs] * depth)
        self.convs = torch.nn.ModuleList(torch.nn.Conv2d(a, 2 * b, 3, padding=1) for a, b in pairwise(widths))
        self.strengths: torch.nn.Parameter | None = None
        if depth > 1:
            self.strengths = torch.nn.Parameter(torch.zeros(depth, 2 * outputs))
            self.register_buffer("noise_const", torch.zeros(depth, size, size))

    def forward(self, x: Tensor, maps: list[Tensor | None]) -> Tensor:
        """x [N, inputs, H, W], maps [1 or N, 1, 2 H, 2 W] or None -> [N, outputs, 2 H, 2 W]."""
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        for index, conv in enumerate(self.convs):
            x = conv(x)
            if self.strengths is not None and (noise := maps[index]) is not None:
                x = x + self.strengths[index].view(1, -1, 1, 1) * noise
            x = F.glu(x, dim=1)
        return x

    def maps(self, name: str, batch: int, mode: NoiseMode, given: Mapping[str, Tensor]) -> list[Tensor | None]:
        """The noise of each convolution, [1 or N, 1, H, W]; None for those without."""
        if self.strengths is None or mode == "none":
            return [None] * len(self.convs)
        return [
            given[key].to(stored).view(-1, 1, *stored.shape)
            if (key := f"{name}.{index}") in given
            else stored[None, None]
            if mode == "const"
            else torch.randn(batch, 1, *stored.shape, dtype=stored.dtype, device=stored.device)
            for index, stored in enumerate(self.noise_const)
        ]


class Gate(torch.nn.Module):
    """Skip-layer excitation: a small feature map, brought to 4 x 4, gives a large one a weight for each channel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.squeeze = torch.nn.Conv2d(inputs, outputs, 4, bias=False)
        self.excite = torch.nn.Conv2d(outputs, outputs, 1, bias=False)

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        """[N, inputs, h, w], [N, outputs, H, W] -> [N, outputs, H, W]."""
        pooled = F.avg_pool2d(small, small.shape[-1] // 4)
        return large * torch.sigmoid(self.excite(F.silu(self.squeeze(pooled))))


class SynthesisNetwork(Synthesizer):
    """z to an image."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.tanh = config.tanh
        widths = config.widths
        self.start = torch.nn.Linear(config.z_dim, 16 * 2 * widths[0])
        self.blocks = torch.nn.ModuleList(
            Block(a, b, depth, 8 << i)
            for i, ((a, b), depth) in enumerate(zip(pairwise(widths), config.depths, strict=True))
        )
        self.gates = torch.nn.ModuleList(Gate(widths[i], widths[i + REACH]) for i in range(config.gates))
        self.torgb = torch.nn.Conv2d(widths[-1], config.img_channels, 3, padding=1, bias=False)

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """[N, 1, z_dim] -> [N, C, H, W]; noise by layer, 'b8.0' and 'b8.1' for 8 x 8 pixels."""
        x = F.glu(self.start(ws[:, 0].to(self.start.weight.dtype)).view(len(ws), -1, 4, 4), dim=1)
        reached = [x]
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            x = block(x, block.maps(f"b{8 << index}", len(ws), noise_mode, noise or {}))
            gate = index + 1 - REACH
            if 0 <= gate < len(self.gates):
                x = self.gates[gate](reached[gate], x)
            reached.append(x)
        img: Tensor = self.torgb(x)
        return torch.tanh(img) if self.tanh else img


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether a FastGAN's first layers are there."""
    return has(tensors, FIRST) and has(tensors, "feat_8.3.running_mean")


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """A generator from the authors' files. Raises WeightsError."""
    theirs = below(tensors, FIRST)
    found = _start(theirs)
    sizes = sorted({int(m[1]) for name in theirs if (m := re.match(r"feat_(\d{1,5})\.", name))})
    for index, size in enumerate(sizes):
        found |= _block(theirs, f"feat_{size}", f"blocks.{index}")
    gates = sorted({int(m[1]) for name in theirs if (m := re.match(r"se_(\d{1,5})\.", name))})
    for index, size in enumerate(gates):
        found[f"gates.{index}.squeeze.weight"] = _weight(theirs, f"se_{size}.main.1")
        found[f"gates.{index}.excite.weight"] = _weight(theirs, f"se_{size}.main.3")
    found["torgb.weight"] = _weight(theirs, "to_big")
    notes = ["the wiring of FastGAN, Swish in its excitations: from the names of its tensors",
             "noise maps: not in the file, drawn from seed 0"]  # fmt: skip
    return complete(found, {})._replace(inferred=tuple(notes), source=FAMILY)


def complete(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """Tensors in our names and config with nothing left out. Raises WeightsError."""
    start, z_dim = shape(tensors, "start.weight", 2, FAMILY)
    convs = _convs(tensors)
    widths = [
        start // 32,
        *(shape(tensors, f"blocks.{i}.convs.0.weight", 4, FAMILY)[0] // 2 for i in range(len(convs))),
    ]
    size = check_side(4 << len(convs), FAMILY)
    gates = len({name.split(".")[1] for name in tensors if name.startswith("gates.")})
    if start % 32 or not 0 <= gates <= min(MOST_GATES, max(0, len(convs) + 1 - REACH)):
        raise WeightsError(f"a start of {start} values, {len(convs)} doublings and {gates} gates: no FastGAN has those")
    facts: dict[str, Any] = {"z_dim": z_dim, "c_dim": 0, "w_dim": z_dim, "num_ws": 1}
    facts |= {"img_resolution": size, "img_channels": shape(tensors, "torgb.weight", 4, FAMILY)[0], "widths": widths}
    tanh = stated.get("tanh", size >= TANH_FROM)
    if type(tanh) is not bool:
        raise WeightsError(f"tanh {str(tanh)[:40]!r} of a FastGAN: true or false is wanted")
    config = {"family": FAMILY, **facts, "depths": convs, "gates": gates, "tanh": tanh}
    return Parts({**tensors, **_missing_noise(tensors, convs)}, config, ())


def _convs(tensors: Mapping[str, Tensor]) -> list[int]:
    """Convolutions of each block. Raises WeightsError for gaps."""
    found = {
        (int(m[1]), int(m[2])) for n in tensors if (m := re.fullmatch(r"blocks\.(\d{1,2})\.convs\.([01])\.weight", n))
    }
    counts = [len([1 for block, _ in found if block == i]) for i in range(len({block for block, _ in found}))]
    if not counts or 0 in counts:
        raise WeightsError(f"doublings with {counts} convolutions: a FastGAN has 1 or 2 after each, without a gap")
    return counts


def _missing_noise(tensors: Mapping[str, Tensor], depths: list[int]) -> dict[str, Tensor]:
    """Noise maps for blocks that have none: the authors' code draws them anew for every picture."""
    lost = [i for i, depth in enumerate(depths) if depth > 1 and f"blocks.{i}.noise_const" not in tensors]
    made = seeds.noise({f"{i}.{k}": (8 << i, 8 << i) for i in lost for k in range(depths[i])}, 0)
    return {
        f"blocks.{i}.noise_const": torch.stack([torch.from_numpy(made[f"{i}.{k}"]) for k in range(depths[i])])
        for i in lost
    }


def facts_shown(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `inspect` shows beside the config."""
    return shown(checkpoint.config["widths"]) | {"use_noise": True}


def _start(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A transposed convolution of one pixel, [z, 2 C, 4, 4], as a matrix, its normalisation folded in."""
    weight = _weight(tensors, "init.init.0", transposed=True)
    scale, shift = _norm(tensors, "init.init.1", weight.shape[1])
    matrix = (weight * scale[:, None, None]).flatten(1).t().contiguous()
    return {"start.weight": matrix, "start.bias": shift.repeat_interleave(16)}


def _block(tensors: Mapping[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    """One doubling: one convolution (1, 2) or two with noise (1, 2, 3 and 5, 6, 7)."""
    noisy = f"{theirs}.2.running_mean" not in tensors
    found: dict[str, Tensor] = {}
    strengths = []
    for index, place in enumerate((1, 5) if noisy else (1,)):
        weight = _weight(tensors, f"{theirs}.{place}")
        scale, shift = _norm(tensors, f"{theirs}.{place + 2 if noisy else place + 1}", weight.shape[0])
        found |= {
            f"{ours}.convs.{index}.weight": weight * scale[:, None, None, None],
            f"{ours}.convs.{index}.bias": shift,
        }
        if noisy:
            # Noise is added before the normalisation, which multiplies it, too.
            strengths.append(_named(tensors, f"{theirs}.{place + 1}.weight").reshape(-1)[:1] * scale)
    return found | ({f"{ours}.strengths": torch.stack(strengths)} if noisy else {})


def _named(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise WeightsError(f"no tensor {name!r}: not a complete {FAMILY} generator")
    return tensors[name]


def _weight(tensors: Mapping[str, Tensor], name: str, *, transposed: bool = False) -> Tensor:
    """A kernel divided by its spectral norm u W v (Miyato et al. 2018, eq. 7), as it was at the end of training."""
    if f"{name}.weight_orig" not in tensors:
        shape(tensors, f"{name}.weight", 4, FAMILY)
        return tensors[f"{name}.weight"]
    shape(tensors, f"{name}.weight_orig", 4, FAMILY)
    weight, u = tensors[f"{name}.weight_orig"], _named(tensors, f"{name}.weight_u")
    matrix = (weight.transpose(0, 1) if transposed else weight).flatten(1)
    if u.shape != (len(matrix),):
        raise WeightsError(f"tensor '{name}.weight_u' has shape {list(u.shape)}, {len(matrix)} numbers are wanted")
    v = tensors.get(f"{name}.weight_v", F.normalize(matrix.t() @ u, dim=0))
    if v.shape != (matrix.shape[1],):
        raise WeightsError(f"tensor '{name}.weight_v' has shape {list(v.shape)}, {matrix.shape[1]} numbers are wanted")
    return weight / torch.dot(u, matrix @ v)


def _norm(tensors: Mapping[str, Tensor], name: str, channels: int) -> tuple[Tensor, Tensor]:
    """(factor, shift) of a batch normalisation with its stored averages."""
    gain, bias, mean, variance = (
        _named(tensors, f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")
    )
    if any(t.shape != (channels,) for t in (gain, bias, mean, variance)):
        raise WeightsError(f"the normalisation {name!r} does not fit {channels} channels")
    scale = gain / (variance + EPSILON).sqrt()
    return scale, bias - mean * scale


def build(checkpoint: Checkpoint) -> Direct:
    """A checkpoint -> the generator it describes, in float32, without gradients. Raises WeightsError."""
    G = built(checkpoint, Config, SynthesisNetwork, complete, normalize=False)
    blocks = enumerate(G.config.depths)  # type: ignore[attr-defined]
    G.noise_shapes = {f"b{8 << i}.{k}": (8 << i, 8 << i) for i, depth in blocks if depth > 1 for k in range(depth)}
    return G
