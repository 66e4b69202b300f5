"""The generator of lucidrains' `stylegan2-pytorch`: StyleGAN2's idea in another network.

A row of w for each level; styles multiply as (1 + s); levels double by bilinear interpolation; one noise picture of
the whole size, uniform in 0 .. 1, is shared by all layers, each seeing its top left corner turned on its side.

Its files are `model_<n>.pt`. The mapping's learning rate multiplier is in none of the tensors but in `.config.json`
beside the file; where that is gone, its default stands for it. It is multiplied in: ours are effective weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import seeds
from latentart.errors import SettingsError, WeightsError
from latentart.models import ops, state
from latentart.models.base import Generator, Mapper, NoiseMode, Synthesizer, check_published, truncate
from latentart.weights import safe
from latentart.weights.checkpoint import Checkpoint, Origin, Parts
from latentart.weights.shapes import below, check_side, has, renamed, shape

FAMILY = "lucidrains"
FIRST_TENSOR = "GE.initial_conv.weight"
LOOKS_FOR = FIRST_TENSOR
NOISE = "image"
LR_MLP, W_AVG_SAMPLES, LARGEST_CONFIG, MOST_LEVELS = 0.1, 2000, 1 << 16, 12


@dataclass(frozen=True)
class Config:
    """Everything that fixes the shape of this generator."""

    w_dim: int
    depth: int
    """Layers of the mapping."""
    widths: tuple[int, ...]
    """Channels of the start, then of each level."""
    img_channels: int
    constant: bool
    """Whether it starts from a learned picture (else from the mean of w)."""

    @property
    def size(self) -> int:
        """Pixels on each side."""
        return 4 << (len(self.widths) - 2)


class MappingNetwork(Mapper):
    """z, brought to length 1, to w."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.num_ws = len(config.widths) - 1
        self.fc = torch.nn.ModuleList(torch.nn.Linear(config.w_dim, config.w_dim) for _ in range(config.depth))
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        **published: Any,
    ) -> Tensor:
        """[N, z_dim] -> [N, num_ws, w_dim]."""
        check_published(published)
        if c is not None and c.shape[1]:
            raise SettingsError(f"c has {c.shape[1]} classes, this model has none")
        return truncate(self.w(z), self.w_avg, self.num_ws, truncation_psi, truncation_cutoff)

    def w(self, z: Tensor) -> Tensor:
        """The single w of each sample, [N, w_dim], before truncation."""
        x = F.normalize(z.to(self.w_avg.dtype), dim=1)
        for layer in self.fc:
            x = F.leaky_relu(layer(x), 0.2)
        return x


class Modulated(torch.nn.Module):
    """A convolution whose inputs are scaled by 1 + style, and whose outputs have unit norm when demodulated."""

    def __init__(self, w_dim: int, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.style = torch.nn.Linear(w_dim, inputs)
        self.weight = torch.nn.Parameter(ops.normal(outputs, inputs, size, size))

    def forward(self, x: Tensor, w: Tensor, *, demodulate: bool = True) -> Tensor:
        """x [N, inputs, H, W], w [N, w_dim] -> [N, outputs, H, W]."""
        styles = self.style(w) + 1
        y: Tensor = F.conv2d(x * styles[:, :, None, None], self.weight, padding=self.weight.shape[2] // 2)
        if not demodulate:
            return y
        norm = (styles.square() @ self.weight.square().sum(dim=(2, 3)).t() + 1e-8).rsqrt()
        scaled: Tensor = y * norm[:, :, None, None]
        return scaled


class Level(torch.nn.Module):
    """One resolution: two convolutions, and what they add to the picture."""

    def __init__(self, config: Config, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = Modulated(config.w_dim, inputs, outputs, 3)
        self.conv2 = Modulated(config.w_dim, outputs, outputs, 3)
        self.noise1, self.noise2 = torch.nn.Linear(1, outputs), torch.nn.Linear(1, outputs)
        self.torgb = Modulated(config.w_dim, outputs, config.img_channels, 1)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(feature maps, picture) from x [N, inputs, H, W], noise [1 or N, S, S] with S >= H."""
        corner = noise[:, : x.shape[2], : x.shape[3]].mT[..., None]
        x = F.leaky_relu(self.conv1(x, w) + self.noise1(corner).permute(0, 3, 1, 2), 0.2)
        x = F.leaky_relu(self.conv2(x, w) + self.noise2(corner).permute(0, 3, 1, 2), 0.2)
        return x, self.torgb(x, w, demodulate=False)


class SynthesisNetwork(Synthesizer):
    """ws to image."""

    noise_const: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        first = config.widths[0]
        self.const = torch.nn.Parameter(ops.normal(first, 4, 4)) if config.constant else None
        self.start = None if config.constant else torch.nn.Linear(config.w_dim, 16 * first, bias=False)
        self.first = torch.nn.Conv2d(first, first, 3, padding=1)
        self.levels = torch.nn.ModuleList(Level(config, a, b) for a, b in pairwise(config.widths))
        self.register_buffer("noise_const", torch.zeros(config.size, config.size))

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
        **published: Any,
    ) -> Tensor:
        """[N, num_ws, w_dim] -> [N, C, H, W]; noise 'image' [H, W] or [N, 1, H, W], of standard deviation 1."""
        check_published(published)
        ws = ws.to(self.noise_const.dtype)
        map_ = self.noise_map(len(ws), noise_mode, noise or {})
        x = self.first(self.beginning(ws))
        img = None
        for row, level in enumerate(self.levels):
            if img is not None:
                x, img = _doubled(x), smoothed(_doubled(img))
            x, rgb = level(x, ws[:, row], map_)
            img = rgb if img is None else img + rgb
        assert isinstance(img, Tensor)
        return img * 2 - 1

    def beginning(self, ws: Tensor) -> Tensor:
        """The 4 x 4 picture that everything grows from."""
        if self.const is not None:
            return self.const.expand(len(ws), -1, -1, -1)
        assert self.start is not None
        start: Tensor = self.start(ws.mean(dim=1))
        return start.view(len(ws), -1, 4, 4)

    def noise_map(self, batch: int, mode: NoiseMode, given: Mapping[str, Tensor]) -> Tensor:
        """Uniform noise, [1 or N, S, S]: the normal noise of everything else, through its distribution function."""
        stored = self.noise_const
        if mode == "none":
            chosen = torch.zeros_like(stored)[None]
        elif NOISE in given:
            chosen = given[NOISE].to(stored).view(-1, *stored.shape)
        elif mode == "const":
            chosen = stored[None]
        else:
            chosen = torch.randn(batch, *stored.shape, dtype=stored.dtype, device=stored.device)
        uniform: Tensor = torch.special.ndtr(chosen)
        return uniform


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def smoothed(x: Tensor) -> Tensor:
    """Each pixel and its neighbours, 1 2 1 on both axes, the border mirrored."""
    taps = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device)
    kernel = (torch.outer(taps, taps) / 16).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, [1, 1, 1, 1], mode="reflect"), kernel, groups=x.shape[1])


class Lucidrains(Generator):
    """A generator of lucidrains' StyleGAN2; see `Config`."""

    mapping: MappingNetwork
    synthesis: SynthesisNetwork

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.family = FAMILY
        self.z_dim, self.c_dim, self.w_dim, self.num_ws = config.w_dim, 0, config.w_dim, len(config.widths) - 1
        self.img_size, self.img_channels = (config.size, config.size), config.img_channels
        self.noise_shapes = {NOISE: self.img_size}
        self.mapping = MappingNetwork(config)
        self.synthesis = SynthesisNetwork(config)


def matches(tensors: Mapping[str, Tensor]) -> bool:
    """Whether this network's averaged generator is there, in lucidrains' names."""
    return has(tensors, FIRST_TENSOR)


def convert(tensors: Mapping[str, Tensor], origin: Origin) -> Parts:
    """The averaged generator (SE and GE) of a file of lucidrains'. Raises WeightsError."""
    found = renamed(below(tensors, FIRST_TENSOR), lambda name: name if name.startswith(("SE.", "GE.")) else None)
    multiplier, note = _multiplier(origin.path)
    ours: dict[str, Tensor] = {}
    for name, tensor in found.items():
        ours |= _rename(name, tensor, multiplier)
    notes = (note, f"w_avg: not in the file, the mean of {W_AVG_SAMPLES} mapped samples stands for it")
    return complete(ours, {})._replace(inferred=notes, source=FAMILY)


def complete(tensors: Mapping[str, Tensor], stated: Mapping[str, Any]) -> Parts:
    """Tensors in our names and config with nothing left out. Raises WeightsError."""
    widths = widths_of(tensors)
    w_dim = shape(tensors, "mapping.fc.0.weight", 2, FAMILY)[0]
    depth = len([n for n in tensors if re.fullmatch(r"mapping\.fc\.\d+\.weight", n)])
    samples = stated.get("w_avg_samples", W_AVG_SAMPLES)
    if type(samples) is not int or not 0 < samples <= 1_000_000:
        raise WeightsError(f"w_avg_samples {str(samples)[:40]!r} makes no sense")
    facts = {"family": FAMILY, "z_dim": w_dim, "c_dim": 0, "w_dim": w_dim, "num_ws": len(widths)}
    facts |= {"img_resolution": check_side(4 << (len(widths) - 1), FAMILY), "mapping_layers": depth, "use_noise": True}
    channels = shape(tensors, "synthesis.levels.0.torgb.weight", 4, FAMILY)[0]
    first = shape(tensors, "synthesis.first.weight", 4, FAMILY)[0]
    facts |= {"depth": depth, "widths": [first, *widths], "constant": "synthesis.const" in tensors}
    return Parts(dict(tensors), facts | {"img_channels": channels, "w_avg_samples": samples}, ())


def widths_of(tensors: Mapping[str, Tensor]) -> list[int]:
    """Channels of each level. Raises WeightsError for none or too many."""
    levels = sorted({int(m[1]) for n in tensors if (m := re.match(r"synthesis\.levels\.(\d{1,3})\.", n))})
    if levels != list(range(len(levels))) or not 1 <= len(levels) <= MOST_LEVELS:
        raise WeightsError(f"levels {levels[:8]}: 0, 1 ... without a gap are wanted, {MOST_LEVELS} at most")
    return [shape(tensors, f"synthesis.levels.{i}.conv2.weight", 4, FAMILY)[0] for i in levels]


def facts_shown(checkpoint: Checkpoint) -> dict[str, Any]:
    """What `inspect` shows beside the config."""
    return {"widths": {str(4 << i): width for i, width in enumerate(widths_of(checkpoint.tensors))}}


def _multiplier(path: Path) -> tuple[float, str]:
    """(factor of the mapping's weights, where it is from)."""
    beside = path.with_name(".config.json")
    if beside.is_file() and beside.stat().st_size <= LARGEST_CONFIG:
        value = safe.parse_json(beside.read_bytes(), ".config.json").get("lr_mlp")
        if isinstance(value, (int, float)) and 0 < value < 1e6:
            return float(value), f"lr_mlp {value}: from .config.json beside the file"
    return LR_MLP, f"lr_mlp {LR_MLP}: its default, for there is no .config.json beside the file"


_PARTS = {
    "to_style1": "conv1.style",
    "to_style2": "conv2.style",
    "to_rgb.to_style": "torgb.style",
    "to_noise1": "noise1",
    "to_noise2": "noise2",
    "conv1": "conv1",
    "conv2": "conv2",
    "to_rgb.conv": "torgb",
}


def _rename(name: str, tensor: Tensor, multiplier: float) -> dict[str, Tensor]:
    """{our name: tensor in our shape}, or nothing for fixed filters. Raises WeightsError for others."""
    if match := re.fullmatch(r"SE\.net\.(\d{1,3})\.(weight|bias)", name):
        return {f"mapping.fc.{int(match[1]) // 2}.{match[2]}": tensor * multiplier}
    if name == "GE.initial_block":
        return {"synthesis.const": tensor[0] if tensor.ndim == 4 else tensor}
    if name == "GE.to_initial_block.weight":
        return {"synthesis.start.weight": tensor.flatten(1).t().contiguous()}
    if match := re.fullmatch(r"GE\.initial_conv\.(weight|bias)", name):
        return {f"synthesis.first.{match[1]}": tensor}
    if re.fullmatch(r"GE\.blocks\.\d{1,3}\.to_rgb\.upsample\.1\.f", name):
        return {}
    if match := re.fullmatch(r"GE\.blocks\.(\d{1,3})\.(.+)\.(weight|bias)", name):
        if match[2] in _PARTS:
            return {f"synthesis.levels.{match[1]}.{_PARTS[match[2]]}.{match[3]}": tensor}
    if name.startswith("GE.attns."):
        raise WeightsError("a lucidrains model with attention layers (--attn-layers), which are not supported")
    raise WeightsError(f"tensor {name[:80]!r} is not one of lucidrains' StyleGAN2")


def build(checkpoint: Checkpoint) -> Lucidrains:
    """A checkpoint -> the generator it describes, in float32, without gradients. Raises WeightsError."""
    whole = state.whole(checkpoint, Config, complete)
    with torch.device("meta"):
        G = Lucidrains(state.config_of(Config, whole.config))
    tensors = dict(whole.tensors)
    # The file has neither: noise was drawn for each picture, the centre for each grid of samples.
    if "synthesis.noise_const" not in tensors:
        tensors["synthesis.noise_const"] = torch.from_numpy(seeds.noise(G.noise_shapes, 0)[NOISE])
    stored = tensors.setdefault("mapping.w_avg", torch.zeros(G.w_dim))
    state.fill(G, tensors)
    if "mapping.w_avg" not in whole.tensors:
        stored.copy_(mean_w(G, int(whole.config["w_avg_samples"])))
    return G


def mean_w(G: Lucidrains, samples: int) -> Tensor:
    """Mean of w over seeded samples, [w_dim]."""
    z = torch.from_numpy(seeds.stream(123).randn(samples, G.z_dim)).float()
    return G.mapping.w(z).double().mean(dim=0).float()
