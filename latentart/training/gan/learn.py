"""Training of a GAN as a trainee of `training.run`: StyleGAN2-ADA's step (arXiv:2006.06676) with exact resume.

Everything random in a step is named by (seed, step, phase, piece): a piece is a batch's part that goes through the
networks at once, in this process or another. So one process that goes through two pieces computes what two do.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart import pixels, seeds
from latentart.errors import SettingsError
from latentart.models.device import choose_device
from latentart.training import run, state
from latentart.training.data.pairs import Report, silent
from latentart.training.gan import build, growth, losses, pictures, progan, start
from latentart.training.gan.critics import projected
from latentart.training.gan.critics.augment import Augment, Controller
from latentart.training.gan.pictures import Pictures
from latentart.training.gan.quality import Quality
from latentart.training.gan.settings import Settings
from latentart.training.gan.team import LAST, Team
from latentart.training.run import Losses
from latentart.weights.checkpoint import Checkpoint

BETAS = (0.0, 0.99)
W_DECAY = 0.998
"""Of the centre of truncation (Karras et al. 2020)."""
SHOWN = 24
PHASES = ("G", "path", "D", "R1")


@dataclass(frozen=True)
class Piece:
    """A part of a batch: latents, labels of generated pictures, real pictures as the critic sees them, their labels."""

    z: Tensor
    c: Tensor | None
    real: Tensor
    real_c: Tensor | None


class Gan:
    """A trainee (see `run.Trainee`): generator, critic, the generator's average and the augmentation's strength."""

    def __init__(self, settings: Settings, found: Pictures, device: torch.device | str | None = None,
                 *, team: Team | None = None, judged: int | None = None) -> None:  # fmt: skip
        """Begins with what `settings.start` names. Raises SettingsError, WeightsError.

        judged: samples on which quality is measured now and then; see `quality.Quality`.
        """
        source = start.read(settings)
        settings = start.shaped(replace(settings, channels=found.channels), source)
        self.chosen, self.found, self.team = settings, found, team or Team()
        self.device = choose_device(device)
        self.quality = Quality(found, self.device, judged)
        self.pieces = _pieces(settings, self.team)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            like = source.config if source and settings.net == "stylegan2" else None
            self.G, self.D = build.networks(settings, len(found.class_names), like, start.critic_shape(source))
        self.begun = start.begin(self.G, self.D, source, settings)
        self._place()
        self.average = copy.deepcopy(self.G).requires_grad_(False).eval()
        if source is not None:
            start.take(self.average, source.average.tensors)
        self.optimizers = {
            "G": _adam(self.trained["G"], settings.learning_rate, settings.g_every if settings.path_weight else 0),
            "D": _adam(self.trained["D"], settings.learning_rate, settings.d_every if settings.r1 else 0),
        }
        self.augment = Augment(settings.channels)
        self.controller = Controller(settings.target, settings.ada_kimg)
        self.warming = start.Warming(self.begun.fresh)
        self.path_mean = torch.zeros([], device=self.device)
        self.news: dict[str, list[Tensor]] = {"path": [], "w": [], "sign": []}
        self.seen = found.fingerprint
        self.shared = False

    def _place(self) -> None:
        for net in (self.G, self.D):
            net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            net.train()
        build.arrange(self.G)
        self.trained = {name: [p for p in net.parameters() if p.requires_grad]
                        for name, net in (("G", self.G), ("D", self.D))}  # fmt: skip

    @property
    def settings(self) -> dict[str, Any]:
        """The training settings in JSON types; see `run.Trainee.settings`."""
        s = self.chosen
        chosen = asdict(s) | {"init_res": list(s.init_res), "exact": list(s.exact)}
        return {"kind": "gan", **chosen, "pictures": self.seen}

    @property
    def strength(self) -> float:
        """Strength of the augmentation, 0..1."""
        if not self.chosen.judged:
            return 0.0  # a projected critic changes pictures in its own way, a progan's does not
        return self.controller.strength if self.chosen.augment is None else self.chosen.augment

    def step(self, number: int, progress: float) -> Losses:
        """One batch; with several processes the leader names it to the others first."""
        if self.team.size > 1:
            self.team.order(number, progress)
            self.share()
        try:
            return self.learn(number, progress)
        except torch.OutOfMemoryError as error:
            raise SettingsError(self._out_of_memory(number, progress)) from error

    def _out_of_memory(self, number: int, progress: float) -> str:
        """What fits instead, by trying smaller pieces of the batch; the networks are left as the run folder has them
        by the next start, since nothing is kept after this."""
        count, team = self.chosen.batch, self.team
        here = f"out of memory on {self.device} with {self.pieces_of} pictures at a time"
        if team.size > 1:
            return f"{here}: give a smaller --micro, or --checkpointing"
        for micro in (m for m in range(self.pieces_of // 2, 0, -1) if count % m == 0):
            try:
                self.pieces = range(count // micro)
                torch.cuda.empty_cache()
                self.learn(number, progress)
            except torch.OutOfMemoryError:
                continue
            return f"{here}: --micro {micro} fits (the same batch, in {count // micro} parts)"
        return f"{here}, and not even with one: give a smaller --size, --base or --most"

    @property
    def pieces_of(self) -> int:
        """Pictures of a piece."""
        return self.chosen.batch // (len(self.pieces) * self.team.size)

    def share(self) -> None:
        """Gives every process the leader's state, once."""
        if not self.shared:
            kept = self.team.copy(self.tensors())
            if self.team.rank:
                self.restore(kept)
            self.shared = True

    def learn(self, number: int, progress: float) -> Losses:
        """One batch: generator, path length now and then, critic, penalty now and then, average."""
        s, found = self.chosen, {}
        if s.net == "progan":
            self._grow(number * s.batch)
        warming = self.warming.active
        if not warming:
            found["G"] = self._phase("G", number, self._fool)
        if s.path_weight and not warming and number % s.g_every == 0:
            found["path"] = self._phase("path", number, self._even_paths, s.g_every)
        found["D"] = self._phase("D", number, self._judge)
        if s.r1 and number % s.d_every == 0:
            found["R1"] = self._phase("R1", number, self._smooth, s.d_every)
        if self.news["sign"]:
            found["sign"] = torch.stack(self.news["sign"]).mean()
        self._follow(number, still=warming)
        values = torch.stack(list(found.values()))
        self.team.average([values])
        told = dict(zip(found, values.tolist(), strict=True))
        # Relativistic logits and projected ones have no zero point: their signs mean nothing.
        self.warming.update(s.batch, told.get("sign") if s.loss == "ns" else None)
        if s.judged:
            sign = told.pop("sign")
            if s.adaptive:
                self.controller.update(sign, s.batch)
            told["augment"] = self.strength
        return told | {"kimg": (number + 1) * s.batch / 1000}

    def _grow(self, images: int) -> None:
        """Sets the networks to the phase of a progan's training; optimisers begin anew at each size."""
        s = self.chosen
        now = growth.phase(images, s.blocks, s.fade)
        for net in (self.G, self.D, self.average):
            assert isinstance(net, progan.Generator | progan.Critic)
            progan.grow(net, now)
        if growth.begins(images, s.batch, s.blocks, s.fade):
            for optimizer in self.optimizers.values():
                progan.restart(optimizer)

    def _phase(self, name: str, number: int, loss_of: Callable[[Piece], Tensor], gain: float = 1.0) -> Tensor:
        """Gradients of all pieces, one step of the optimiser -> the loss, without its gain."""
        which = "G" if name in ("G", "path") else "D"
        for key, parameters in self.trained.items():
            for p in parameters:
                p.requires_grad_(key == which)
        self.optimizers[which].zero_grad(set_to_none=True)
        total = torch.zeros([], device=self.device)
        for index in self.pieces:
            self.name(number, name, index)
            loss = loss_of(self.piece(number, index))
            (loss * (gain / len(self.pieces))).backward()  # type: ignore[no-untyped-call]
            total += loss.detach() / len(self.pieces)
        self.team.gradients(self.trained[which])
        self.optimizers[which].step()
        return total

    def name(self, number: int, phase: str, index: int) -> None:
        """Sets torch's generators to what a piece of a phase of a step begins with."""
        place = number * len(PHASES) + PHASES.index(phase)
        torch.manual_seed((self.chosen.seed * 1_000_003 + place) * 65_536 + index)

    def piece(self, number: int, index: int) -> Piece:
        """What a piece of a step consists of, as torch's generator names it."""
        s, count = self.chosen, self.pieces_of
        places = pictures.chosen(self.found, number * s.batch + index * count, count, s.seed)
        mirrored = torch.rand(count) < 0.5 if s.mirror else None
        real = pictures.composited(pictures.batch(self.found, places, mirrored).to(self.device))
        drawn = torch.randint(len(self.found), (count,)).numpy()
        z = torch.randn(count, s.z_dim).to(self.device)
        labels = (pictures.one_hot(self.found, numbers) for numbers in (drawn, places))
        c, real_c = (None if label is None else label.to(self.device) for label in labels)
        return Piece(z, c, real.contiguous(memory_format=torch.channels_last), real_c)

    def _ws(self, z: Tensor, c: Tensor | None) -> Tensor:
        ws: Tensor = self.G.mapping(z, c)
        self.news["w"].append(ws[:, 0].detach().float().mean(dim=0))
        if self.chosen.mixing and float(torch.rand([])) < self.chosen.mixing and self.G.num_ws > 1:
            cut = int(torch.randint(1, self.G.num_ws, []))
            ws = torch.cat([ws[:, :cut], self.G.mapping(torch.randn_like(z), c)[:, cut:]], dim=1)
        return ws

    def _autocast(self) -> Any:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.chosen.bf16)

    def _drawn(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Pictures of the generator as the critic sees them."""
        with self._autocast():
            img: Tensor = self.G.synthesis(self._ws(z, c), noise_mode="random")
        return pictures.composited(img.float())

    def _judged(self, img: Tensor, c: Tensor | None) -> Any:
        """What the critic makes of pictures: logits [N], or a list of them by a projected critic."""
        if self.strength > 0:
            img = self.augment(img, self.strength)
        with self._autocast():
            return self.D(img, c)

    def _logits(self, img: Tensor, c: Tensor | None) -> Tensor:
        judged: Tensor = self._judged(img, c)
        return judged.float()

    def _fool(self, piece: Piece) -> Tensor:
        made = self._drawn(piece.z, piece.c)
        if self.chosen.critic == "projected":
            return projected.generator_loss(self._judged(made, piece.c))
        if isinstance(self.D, progan.Critic):
            return progan.generator_loss(self.D, made)
        fake = self._logits(made, piece.c)
        if self.chosen.loss == "ns":
            return losses.generator(fake, None, "ns")
        with torch.no_grad():
            real = self._logits(piece.real, piece.real_c)
        return losses.generator(fake, real, "rp")

    def _even_paths(self, piece: Piece) -> Tensor:
        """Path length regularisation on half the piece."""
        half = max(1, len(piece.z) // 2)
        with self._autocast():
            ws = self._ws(piece.z[:half], None if piece.c is None else piece.c[:half])
            img = self.G.synthesis(ws, noise_mode="random")
        lengths = losses.path_lengths(img.float(), ws, torch.randn(img.shape, device=img.device))
        mean = self.path_mean.lerp(lengths.detach().mean(), losses.PATH_DECAY)
        self.news["path"].append(lengths.detach().mean())
        return (lengths - mean).square().mean() * self.chosen.path_weight

    def _judge(self, piece: Piece) -> Tensor:
        with torch.no_grad():
            made = self._drawn(piece.z, piece.c)
        if isinstance(self.D, progan.Critic):
            return progan.critic_loss(self.D, piece.real, made)
        fake, real = self._judged(made, piece.c), self._judged(piece.real, piece.real_c)
        if self.chosen.critic == "projected":
            return projected.critic_loss(real, fake)
        self.news["sign"].append(real.detach().float().sign().mean())
        return losses.discriminator(fake.float(), real.float(), self.chosen.loss)

    def _smooth(self, piece: Piece) -> Tensor:
        """R1 on real pictures; with relativistic pairing R2 on generated ones too."""
        given = [(piece.real, piece.real_c)]
        if self.chosen.loss == "rp":
            with torch.no_grad():
                given.append((self._drawn(piece.z, piece.c), piece.c))
        found = []
        for img, c in given:
            img = img.detach().requires_grad_(True)
            found.append(losses.penalty(self._logits(img, c), img).mean())
        return torch.stack(found).sum() * (self.chosen.r1 / 2)

    @torch.no_grad()
    def _follow(self, number: int, *, still: bool) -> None:
        """Running means: path length, centre of truncation, and the generator's average with its ramp-up."""
        s = self.chosen
        news = {name: torch.stack(found).mean(dim=0) for name, found in self.news.items() if found}
        self.team.average(list(news.values()))
        self.news = {"path": [], "w": [], "sign": []}
        if still:
            return
        if "path" in news:
            self.path_mean.lerp_(news["path"], losses.PATH_DECAY)
        if s.net == "stylegan2":
            self.G.w_avg.lerp_(news["w"], 1 - W_DECAY)
        seen = (number + 1) * s.batch - self.warming.pictures
        half_life = s.half_life if s.ramp is None else min(s.half_life, seen * s.ramp)
        share = 1 - 0.5 ** (s.batch / max(half_life, 1e-8))
        ours, theirs = self.average.state_dict(), self.G.state_dict()
        weights = [name for name in ours if ours[name].is_floating_point()]
        torch._foreach_lerp_([ours[name] for name in weights], [theirs[name] for name in weights], share)

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimizer state; see `run.Trainee.tensors`."""
        kept = state.named("G", self.G.state_dict()) | state.named("D", self.D.state_dict())
        kept |= state.named("average", self.average.state_dict()) | state.named("ada", self.controller.tensors())
        kept |= {"means/path": self.path_mean} | state.named("means", self.warming.tensors())
        for name, optimizer in self.optimizers.items():
            kept |= state.named(f"adam-{name}", state.of_optimizer(optimizer))
        return kept

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Loads what `tensors` returned; see `run.Trainee.restore`."""
        for name, net in (("G", self.G), ("D", self.D), ("average", self.average)):
            state.restore_net(net, state.part(name, tensors), f"the kept {name}")
        self.controller.restore(state.part("ada", tensors))
        self.path_mean.copy_(tensors["means/path"])
        self.warming.restore(state.part("means", tensors))
        for name, optimizer in self.optimizers.items():
            state.restore_optimizer(optimizer, state.part(f"adam-{name}", tensors))
            _as_parameters(optimizer)

    def network(self) -> Checkpoint:
        """The generator's average, which draws better than the weights of any one step."""
        return build.checkpoint(self.average, self.found.class_names)

    def others(self) -> dict[str, Checkpoint]:
        """The critic as a checkpoint, for a training that continues elsewhere."""
        return {build.CRITIC_FILE: build.critic_checkpoint(self.D, self.chosen, self.found.class_names)}

    def check(self) -> Losses:
        """Quality of the average's samples, when a measurement is due; see `run.Trainee.check`."""
        return self.quality(self.average)

    def preview(self) -> pixels.Frame:
        """Pictures of fixed seeds by the average, classes in turn."""
        return sheet(self.samples(range(SHOWN)))

    @torch.no_grad()
    def samples(self, numbers: Sequence[int], piece: int = 8) -> Tensor:
        """The average's pictures of seeds, [N, C, H, W] in about [-1, 1]; seed i has class i modulo classes."""
        c_dim = len(self.found.class_names)
        z = torch.from_numpy(np.concatenate([seeds.z(i, self.chosen.z_dim) for i in numbers])).float().to(self.device)
        c = torch.eye(c_dim, device=self.device)[[i % c_dim for i in numbers]] if c_dim else None
        made = []
        for first in range(0, len(z), piece):
            own = None if c is None else c[first : first + piece]
            made.append(self.average.synthesis(self.average.mapping(z[first : first + piece], own)).float().cpu())
        return torch.cat(made)


def sheet(img: Tensor) -> pixels.Frame:
    """Pictures as a sheet of three rows or so; transparency is laid over dark grey."""
    if img.shape[1] == 4:
        cover = (img[:, 3:].clamp(-1, 1) + 1) / 2
        img = img[:, :3].clamp(-1, 1) * cover - 0.7 * (1 - cover)
    columns = min(len(img), 8)
    return pixels.sheet(list(pixels.to_uint8(img.clamp(-1, 1))), columns, gap=2, background=17)


def _pieces(settings: Settings, team: Team) -> range:
    """Numbers of the batch's pieces that are this process's. Raises SettingsError where it cannot be divided."""
    each, rest = divmod(settings.batch, team.size)
    micro = settings.micro or each
    if rest or not each or each % micro:
        parts = f"{team.size} processes in pieces of {micro}"
        raise SettingsError(f"batch {settings.batch} cannot be divided among {parts}: give a multiple")
    count = each // micro
    return range(team.rank * count, (team.rank + 1) * count)


def _adam(parameters: list[torch.nn.Parameter], rate: float, every: int) -> torch.optim.Adam:
    """Adam with the correction for a lazy regularisation in each `every` steps (Karras et al. 2020, appendix B)."""
    ratio = every / (every + 1) if every else 1.0
    return torch.optim.Adam(parameters, rate * ratio, (BETAS[0] ** ratio, BETAS[1] ** ratio), eps=1e-8)


def _as_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Lays what Adam remembers out in memory as its parameter: sums in another order would differ in the last bit."""
    for parameter, kept in optimizer.state.items():
        for name in ("exp_avg", "exp_avg_sq"):
            if name in kept:
                kept[name] = torch.empty_like(parameter).copy_(kept[name])


def train(learning: Gan, folder: str | Path, schedule: run.Schedule, watch: run.Watch = lambda progress: None
          ) -> run.Progress | None:  # fmt: skip
    """`run.train` in the first process of a team; the others take its steps with it and get None."""
    team = learning.team
    if team.rank:
        _follow(learning)
        return None
    try:
        return run.train(learning, folder, schedule, watch)
    finally:
        team.order(LAST, 0.0)


def _follow(learning: Gan) -> None:
    # Ctrl-C reaches every process: the leader alone ends the training.
    with run.stop_asked():
        while (order := learning.team.order(LAST, 0.0))[0] != LAST:
            learning.share()
            with run.seeded(learning.chosen.seed, order[0]):
                learning.learn(*order)


def trainee(settings: Settings, pictures_: str | Path, device: str | None = None, report: Report = silent,
            *, team: Team | None = None, judged: int | None = None) -> Gan:  # fmt: skip
    """Reads the pictures of a folder and makes the trainee. Raises SettingsError, PictureError, WeightsError."""
    return Gan(settings, pictures.read(pictures_, settings, report), device, team=team, judged=judged)
