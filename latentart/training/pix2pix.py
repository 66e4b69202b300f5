"""Training of pix2pix: GAN + L1 on pairs (Isola et al. 2017, arXiv:1611.07004, section 3)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart import pixels, seeds
from latentart.errors import check_limits
from latentart.models.device import choose_device
from latentart.training import nets, pool, state
from latentart.training.critic import Average, PatchCritic, check_loss, verdict
from latentart.training.pairs import Report, silent
from latentart.training.pool import Augment, Pool
from latentart.training.run import Losses
from latentart.weights.checkpoint import Checkpoint

BETAS = (0.5, 0.999)
SHOWN = 8
"""Pairs in a preview."""


@dataclass(frozen=True)
class Settings:
    """What a training is; all but the folder and the number of steps, which may change when it is resumed.

    net: 'unet' or 'resnet', of `width` channels after the first layer. size: side of the pictures. l1: weight of the
    mean absolute difference against the GAN's 1; 0 leaves it out. gan_after: the part of the steps (0..1) that is
    trained on L1 alone, which costs a third of the time. ema: how much of the average of weights stays at each step.
    bf16: numbers of half the size where they do no harm, up to twice as fast. swap: B is what the network sees.
    hold: pairs kept aside for previews when no folder is given for them. start: a network to begin with, by name or
    file, of the same kind and width, instead of one of chance.
    """

    net: str = "unet"
    width: int = 32
    size: int = 256
    batch: int = 4
    l1: float = 100.0
    gan: str = "vanilla"
    gan_after: float = 0.0
    critic_width: int = 32
    ema: float = 0.999
    rate: float = 2e-4
    dropout: bool = False
    bf16: bool = False
    flip: bool = True
    jitter: bool = True
    colour: float = 0.0
    swap: bool = False
    hold: int = 16
    start: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        nets.check(self.net, self.width, self.size)
        check_loss(self.gan)
        seeds.check(self.seed)
        limits = {
            "batch": (1, 4096), "l1": (0, 1e6), "gan_after": (0, 1), "critic_width": (1, 1024), "ema": (0, 1),
            "rate": (0, 1), "colour": (0, 1), "hold": (0, 4096),
        }  # fmt: skip
        check_limits(self, limits)

    @property
    def augment(self) -> Augment:
        """How pictures are changed each time they are seen."""
        return Augment(self.flip, self.jitter, self.colour)


class Pix2Pix:
    """A trainee (see `run.Trainee`): the network, its critic and the average."""

    def __init__(self, settings: Settings, seen: Pool, shown: Pool, device: torch.device | str | None = None) -> None:
        """seen: pairs to learn from, kept in `settings.augment.side(size)`; shown: pairs for previews, in `size`."""
        self.chosen, self.seen, self.shown = settings, seen, shown
        self.device = choose_device(device)
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            self.net = nets.fresh(settings.net, settings.width, settings.size, dropout=settings.dropout)
            self.critic = PatchCritic(settings.critic_width, halvings=3 if settings.size > 128 else 2)
        nets.begin(self.net, settings.start)
        self.net.to(self.device).train()
        self.critic.to(self.device).train()
        self.average = Average(self.net, settings.ema)
        self.optimizers = {
            "net": torch.optim.Adam(self.net.parameters(), settings.rate, BETAS),
            "critic": torch.optim.Adam(self.critic.parameters(), settings.rate, BETAS),
        }

    @property
    def settings(self) -> dict[str, Any]:
        """See `run.Trainee`."""
        return {"kind": "pix2pix", **asdict(self.chosen), "pairs": self.seen.fingerprint}

    def step(self, number: int, progress: float) -> Losses:
        """One batch: first the critic learns, when it is its turn, then the network."""
        s = self.chosen
        for optimizer in self.optimizers.values():
            optimizer.param_groups[0]["lr"] = s.rate * min(1.0, 2 * (1 - progress))
        both = pool.batch(self.seen, number, s.batch, s.size, augment=s.augment, seed=s.seed).to(self.device)
        a, b = both.contiguous(memory_format=torch.channels_last).chunk(2, dim=1)
        made = self._made(a)
        l1 = F.l1_loss(made, b)
        judged = progress >= s.gan_after
        found = {"L1": float(l1.detach())}
        if judged:
            found["critic"] = self._teach_critic(a, b, made.detach())
        loss = s.l1 * l1
        if judged:
            self.critic.requires_grad_(False)
            fooled = verdict(self._judged(a, made), True, s.gan)
            found["GAN"] = float(fooled.detach())
            loss = loss + fooled
        self._descend("net", loss)
        self.average.follow(self.net, number)
        return found

    def _teach_critic(self, a: Tensor, b: Tensor, made: Tensor) -> float:
        self.critic.requires_grad_(True)
        pictures = ((b, True), (made, False))
        true, false = (verdict(self._judged(a, img), is_true, self.chosen.gan) for img, is_true in pictures)
        self._descend("critic", (true + false) / 2)
        return float((true + false).detach() / 2)

    def _made(self, a: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.chosen.bf16):
            made: Tensor = self.net(a)
        return made.float()

    def _judged(self, a: Tensor, b: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.chosen.bf16):
            judged: Tensor = self.critic(a, b)
        return judged.float()

    def _descend(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizers[name].step()

    def tensors(self) -> dict[str, Tensor]:
        """See `run.Trainee`."""
        kept = state.named("net", self.net.state_dict()) | state.named("critic", self.critic.state_dict())
        kept |= state.named("average", self.average.tensors)
        for name, optimizer in self.optimizers.items():
            kept |= state.named(f"adam-{name}", state.of_optimizer(optimizer))
        return kept

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """See `run.Trainee`."""
        state.restore_net(self.net, state.part("net", tensors), "the kept network")
        state.restore_net(self.critic, state.part("critic", tensors), "the kept critic")
        self.average.tensors = {name: t.to(self.device) for name, t in state.part("average", tensors).items()}
        for name, optimizer in self.optimizers.items():
            state.restore_optimizer(optimizer, state.part(f"adam-{name}", tensors))

    def network(self) -> Checkpoint:
        """The average, as a translator that can be loaded."""
        return nets.checkpoint(self.chosen.net, self.net, self.average.tensors)

    def others(self) -> dict[str, Checkpoint]:
        """See `run.Trainee`."""
        return {}

    def check(self) -> Losses:
        """L1 of the average on the pairs that were kept aside."""
        _, b, made = self._answers()
        return {"L1 (unseen)": float((made - b).abs().mean())}

    def preview(self) -> pixels.Frame:
        """Input | output | target of pairs that were kept aside, two columns."""
        a, b, made = self._answers()
        tiles = torch.stack([a, made, b], dim=1).flatten(0, 1)
        return pixels.sheet(list(pixels.to_uint8(tiles.clamp(-1, 1))), 6, gap=4, background=17)

    @torch.no_grad()
    def _answers(self) -> tuple[Tensor, Tensor, Tensor]:
        """A, B and what the average makes of A, [SHOWN, 3, size, size] each."""
        frames = self.shown.frames[:SHOWN]
        a, b = pixels.to_float(frames).to(self.device).chunk(2, dim=1)
        net = copy.deepcopy(self.net)  # with dropout off
        net.load_state_dict(self.average.tensors)
        net.eval()
        return a, b, torch.cat([net(one[None]) for one in a])


def trainee(
    settings: Settings, pairs: str | Path, val: str | Path | None = None, device: str | None = None,
    report: Report = silent,
) -> Pix2Pix:  # fmt: skip
    """Reads the pairs of a folder and makes the trainee. Raises SettingsError, PictureError.

    val: a folder of pairs for previews; without, `settings.hold` pairs (a tenth at most) are kept aside.
    """
    side = settings.augment.side(settings.size)
    seen = pool.pairs_of(pairs, side, swap=settings.swap, report=report)
    if val is not None:
        return Pix2Pix(settings, seen, pool.pairs_of(val, settings.size, swap=settings.swap), device)
    seen, aside = held(seen, min(settings.hold, len(seen) // 10), settings.seed)
    return Pix2Pix(settings, seen, smaller(aside, settings.size), device)


def held(found: Pool, count: int, seed: int) -> tuple[Pool, Pool]:
    """A pool without `count` of its pictures, and those; where none is kept aside, both are the whole pool."""
    if not count:
        return found, found
    aside = sorted(seeds.stream(seed, 3).permutation(len(found))[:count].tolist())
    rest = [i for i in range(len(found)) if i not in set(aside)]
    return _part(found, rest), _part(found, aside)


def _part(found: Pool, places: list[int]) -> Pool:
    return Pool(found.frames[places], [found.names[i] for i in places], found.faults)


def smaller(found: Pool, size: int) -> Pool:
    """A pool in another size."""
    small = pixels.resize(pixels.to_float(found.frames), (size, size))
    return Pool(pixels.to_uint8(small), found.names, found.faults)
