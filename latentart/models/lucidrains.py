"""The generator of lucidrains' `stylegan2-pytorch`: StyleGAN2's idea in another network.

A row of w for each level; styles multiply as (1 + s); levels double by bilinear interpolation; one noise picture of
the whole size, uniform in 0 .. 1, is shared by all layers, each seeing its top left corner turned on its side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import seeds
from latentart.errors import SettingsError, WeightsError
from latentart.models import ops, state
from latentart.models.base import Generator, Mapper, NoiseMode, Synthesizer, truncate
from latentart.weights.checkpoint import Checkpoint

FAMILY = "lucidrains"
NOISE = "image"


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
    ) -> Tensor:
        """[N, z_dim] -> [N, num_ws, w_dim]."""
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
    ) -> Tensor:
        """[N, num_ws, w_dim] -> [N, C, H, W]; noise 'image' [H, W] or [N, 1, H, W], of standard deviation 1."""
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


def matches(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is of this family."""
    return checkpoint.config.get("family") == FAMILY


def build(checkpoint: Checkpoint) -> Lucidrains:
    """A checkpoint -> the generator it describes, in float32, without gradients. Raises WeightsError."""
    try:
        config = read_config(checkpoint.tensors)
    except (KeyError, IndexError, ValueError) as error:
        raise WeightsError(f"not a complete generator of lucidrains: {error!r} while reading its shape") from error
    with torch.device("meta"):
        G = Lucidrains(config)
    tensors = dict(checkpoint.tensors)
    # The file has neither: noise was drawn for each picture, the centre for each grid of samples.
    if "synthesis.noise_const" not in tensors:
        tensors["synthesis.noise_const"] = torch.from_numpy(seeds.noise(G.noise_shapes, 0)[NOISE])
    stored = tensors.setdefault("mapping.w_avg", torch.zeros(config.w_dim))
    state.fill(G, tensors)
    if "mapping.w_avg" not in checkpoint.tensors:
        stored.copy_(mean_w(G, int(checkpoint.config["w_avg_samples"])))
    return G


def read_config(tensors: Mapping[str, Tensor]) -> Config:
    """Everything from shapes."""
    count = len({m[1] for n in tensors if (m := re.match(r"synthesis\.levels\.(\d+)\.", n))})
    first = tensors["synthesis.first.weight"].shape[0]
    widths = (first, *(tensors[f"synthesis.levels.{i}.conv2.weight"].shape[0] for i in range(count)))
    depth = sum(bool(re.fullmatch(r"mapping\.fc\.\d+\.weight", n)) for n in tensors)
    return Config(
        w_dim=tensors["mapping.fc.0.weight"].shape[0],
        depth=depth,
        widths=widths,
        img_channels=tensors["synthesis.levels.0.torgb.weight"].shape[0],
        constant="synthesis.const" in tensors,
    )


def mean_w(G: Lucidrains, samples: int) -> Tensor:
    """Mean of w over seeded samples, [w_dim]."""
    z = torch.from_numpy(seeds.stream(123).randn(samples, G.z_dim)).float()
    return G.mapping.w(z).double().mean(dim=0).float()
