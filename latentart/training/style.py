"""Training of a network that paints in the style of one picture (Johnson et al. 2016, arXiv:1603.08155).

Content: activations stay as in the photograph. Style: Gram matrices of activations become those of the painting.
Each layer's part is divided by the painting's own energy there, so that one weight suits pale and loud paintings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import pixels, seeds
from latentart.errors import PictureError, SettingsError, check_limits, unknown
from latentart.features import load as features
from latentart.models import load as models
from latentart.models.base import Generator
from latentart.models.device import choose_device
from latentart.painting.moments import GramDistance, moments
from latentart.training import nets, pool, state
from latentart.training.data.pairs import Report, silent
from latentart.training.patch_gan import Average
from latentart.training.pool import Augment, Pool
from latentart.training.run import Losses
from latentart.weights.checkpoint import Checkpoint

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT_LAYER = "relu2_2"
SHOWN = 4
SMALLEST = 32
PSI = 0.9
"""Of samples of a generator: near all that it can draw, without its accidents."""


@dataclass(frozen=True)
class Preset:
    """How much work a style may be."""

    width: int
    size: int
    batch: int
    steps: int


PRESETS = {
    "quick": Preset(8, 128, 2, 400),
    "balanced": Preset(16, 192, 2, 1500),
    "fine": Preset(32, 256, 4, 20_000),
}


@dataclass(frozen=True)
class Settings:
    """What a training is.

    width: channels of the first layer (8, 16, 32). style, content, smooth: weights of the painting, of the
    photograph, and of total variation. style_scale: the shorter side of the painting as it is looked at, in sides of
    the training pictures; larger gives larger strokes. bf16: numbers of half the size where they do no harm, up to
    twice as fast. start: a style to begin with, by name or file, of the same width: repainting is quicker.
    """

    width: int = 16
    size: int = 192
    batch: int = 2
    style: float = 10.0
    content: float = 1.0
    smooth: float = 0.05
    style_scale: float = 1.5
    ema: float = 0.99
    rate: float = 2e-3
    features: str = features.SHIPPED
    bf16: bool = False
    start: str = ""
    layout: str = "examples"
    seed: int = 0

    def __post_init__(self) -> None:
        seeds.check(self.seed)
        if self.layout not in nets.LAYOUTS:
            raise SettingsError(unknown("layout", self.layout, nets.LAYOUTS))
        limits = {
            "width": (4, nets.WIDEST), "size": (SMALLEST, 1024), "batch": (1, 256), "style": (0, 1e6),
            "content": (0, 1e6), "smooth": (0, 1e6), "style_scale": (0.25, 8), "ema": (0, 1), "rate": (0, 1),
        }  # fmt: skip
        check_limits(self, limits)
        if self.size % 4:
            raise SettingsError(f"size {self.size!r} does not suit this network: give a multiple of 4")


def preset(name: str, **changes: Any) -> Settings:
    """Settings of a preset, with the values that are not None replaced. Raises SettingsError."""
    if name not in PRESETS:
        raise SettingsError(unknown("preset", name, PRESETS))
    chosen = PRESETS[name]
    given = {key: value for key, value in changes.items() if value is not None}
    return Settings(**{"width": chosen.width, "size": chosen.size, "batch": chosen.batch, **given})


@dataclass(frozen=True)
class Photos:
    """What is painted: name, and the batch of a step, [N, 3, size, size] in [-1, 1]."""

    name: str
    batch: Callable[[int], Tensor]
    faults: Sequence[str] = ()


def from_folder(found: Pool, settings: Settings) -> Photos:
    """Pictures of a folder, cut and mirrored."""
    s = settings

    def cut(step: int) -> Tensor:
        return pool.batch(found, step, s.batch, s.size, augment=Augment(), seed=s.seed)

    return Photos(found.fingerprint, cut, found.faults)


def from_generator(G: Generator, settings: Settings) -> Photos:
    """A generator's own samples: endless, never the same twice, and no collection of photographs is needed."""

    def draw(step: int) -> Tensor:
        s = settings
        z = np.concatenate([seeds.stream(s.seed, step, i).randn(1, G.z_dim) for i in range(s.batch)])
        c = torch.eye(G.c_dim)[seeds.stream(s.seed, step).randint(0, G.c_dim, s.batch)] if G.c_dim else None
        with torch.no_grad():
            ws = G.mapping(torch.from_numpy(z).float().to(G.device), c, truncation_psi=PSI)
            img = G.synthesis(ws).clamp(-1, 1).cpu()
        return pixels.resize(img.expand(-1, 3, -1, -1), (s.size, s.size))

    return Photos(f"samples of {G.name} ({G.sha256[:12]})", draw)


def mixed(kinds: list[Photos]) -> Photos:
    """Photographs and samples in turn. Raises SettingsError for none."""
    if not kinds:
        raise SettingsError("nothing to paint: name a folder with --photos, or a generator with --from")
    name = " and ".join(kind.name for kind in kinds)
    faults = [fault for kind in kinds for fault in kind.faults]
    return Photos(name, lambda step: kinds[step % len(kinds)].batch(step // len(kinds)), faults)


class Looks:
    """What a picture is compared with: the painting's style, the photograph's content."""

    def __init__(self, painting: Tensor, settings: Settings, device: torch.device) -> None:
        """painting: [1, 3, H, W] in [-1, 1]."""
        self.trunk, self.bf16 = features.vgg16(settings.features, device), settings.bf16
        self.layers = [name for name in STYLE_LAYERS if name in self.trunk.names]
        with torch.no_grad():
            self.distances = [GramDistance(moments(x)) for x in self.seen(painting.to(device), self.layers)]

    def seen(self, img: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """Activations of a picture."""
        with torch.autocast(img.device.type, torch.bfloat16, enabled=self.bf16):
            return [x.float() for x in self.trunk(img, layers)]

    def losses(self, made: Tensor, photo: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [N, 3, H, W] in [-1, 1] -> style and content loss, about 1 each for an unpainted photograph."""
        own = self.seen(made, [*self.layers, CONTENT_LAYER])
        pairs = zip(own[:-1], self.distances, strict=True)
        parts = [distance(moments(one[None])) for x, distance in pairs for one in x]
        with torch.no_grad():
            wanted = self.seen(photo, [CONTENT_LAYER])[0]
        content = F.mse_loss(own[-1], wanted) / wanted.square().mean()
        return torch.stack(parts).mean(), content


def variation(img: Tensor) -> Tensor:
    """Mean absolute difference of neighbours, img [N, C, H, W]."""
    return img.diff(dim=2).abs().mean() + img.diff(dim=3).abs().mean()


class Style:
    """A trainee (see `run.Trainee`): one network of one style."""

    def __init__(
        self, settings: Settings, painting: Tensor, photos: Photos, device: torch.device | str | None = None
    ) -> None:
        """painting: [1, 3, H, W] in [-1, 1], any size."""
        self.chosen, self.photos, self.device = settings, photos, choose_device(device)
        self.painting = _looked_at(painting, settings)
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            self.net = nets.fresh_style(settings.width, settings.layout)
        nets.begin(self.net, settings.start)
        self.net.to(self.device).train()
        self.looks = Looks(self.painting, settings, self.device)
        self.average = Average(self.net, settings.ema)
        self.optimizer = torch.optim.Adam(self.net.parameters(), settings.rate)
        self.shown = torch.cat([photos.batch(10_000_000 + i)[:1] for i in range(SHOWN)])

    @property
    def settings(self) -> dict[str, Any]:
        """The training settings in JSON types; see `run.Trainee.settings`."""
        painting = float(self.painting.double().mean())
        return {"kind": "style", **asdict(self.chosen), "photos": self.photos.name, "painting": f"{painting:.12f}"}

    def step(self, number: int, progress: float) -> Losses:
        """One batch of photographs."""
        s = self.chosen
        self.optimizer.param_groups[0]["lr"] = s.rate * min(1.0, 2 * (1 - progress))
        photo = self.photos.batch(number).to(self.device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=s.bf16):
            made = self.net(photo).float()
        style, content = self.looks.losses(made, photo)
        rough = variation(made)
        self.optimizer.zero_grad(set_to_none=True)
        (s.style * style + s.content * content + s.smooth * rough).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.average.follow(self.net, number)
        return {"style": float(style.detach()), "content": float(content.detach())}

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimizer state; see `run.Trainee.tensors`."""
        kept = state.named("net", self.net.state_dict()) | state.named("average", self.average.tensors)
        return kept | state.named("adam", state.of_optimizer(self.optimizer))

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Loads what `tensors` returned; see `run.Trainee.restore`."""
        state.restore_net(self.net, state.part("net", tensors), "the kept network")
        self.average.tensors = {name: t.to(self.device) for name, t in state.part("average", tensors).items()}
        state.restore_optimizer(self.optimizer, state.part("adam", tensors))

    def network(self) -> Checkpoint:
        """The average, as a translator that can be loaded."""
        return nets.checkpoint("style", self.net, self.average.tensors)

    def others(self) -> dict[str, Checkpoint]:
        """Further files by name; see `run.Trainee.others`."""
        return {}

    def check(self) -> Losses:
        """Reports nothing beside the losses of a step: no photograph is seen often."""
        return {}

    def preview(self) -> pixels.Frame:
        """Photographs above, as they are painted now below, the painting at the right."""
        painted = self._painted()
        side = self.chosen.size
        painting = pixels.resize(self.painting, (side, side)).cpu()
        tiles = torch.cat([self.shown, painting, painted.cpu(), torch.full_like(painting, -0.87)])
        return pixels.sheet(list(pixels.to_uint8(tiles.clamp(-1, 1))), SHOWN + 1, gap=4, background=17)

    @torch.no_grad()
    def _painted(self) -> Tensor:
        kept = {name: t.detach().clone() for name, t in self.net.state_dict().items()}
        self.net.load_state_dict(self.average.tensors)
        made = torch.cat([self.net(one[None].to(self.device)) for one in self.shown])
        self.net.load_state_dict(kept)
        return made


def _looked_at(painting: Tensor, settings: Settings) -> Tensor:
    """The painting with its shorter side as `style_scale` sets it."""
    height, width = painting.shape[2:]
    if min(height, width) < SMALLEST:
        raise PictureError(f"a painting of {width}x{height} is too small: give {SMALLEST} pixels a side")
    scale = settings.size * settings.style_scale / min(height, width)
    return pixels.resize(painting, (round(width * scale), round(height * scale)), "stretch")


def trainee(
    settings: Settings, image: str | Path, photos: str | Path | None = None, generator: str | None = None,
    *, device: str | None = None, report: Report = silent,
) -> Style:  # fmt: skip
    """Reads painting and photographs and makes the trainee. Raises SettingsError, PictureError, WeightsError.

    generator: a checkpoint whose samples are painted, beside `photos` or instead of them.
    """
    painting = pixels.to_float(pixels.open_image(image))
    kinds = []
    if photos is not None:
        kinds.append(from_folder(pool.photos_of(photos, Augment().side(settings.size), report=report), settings))
    if generator is not None:
        kinds.append(from_generator(models.load(generator, device), settings))
    return Style(settings, painting, mixed(kinds), device)
