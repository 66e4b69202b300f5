"""Settings of a GAN training, with defaults that follow StyleGAN2-ADA's `auto` configuration (arXiv:2006.06676)."""

from __future__ import annotations

from dataclasses import dataclass

from latentart import seeds
from latentart.errors import SettingsError, check_limits, unknown

NETS = ("stylegan2", "progan")
CRITICS = ("ada", "projected")
LOSSES = ("ns", "rp")
SIZES = (8, 1024)
MOST_START = 64
"""Largest side of the first block."""


@dataclass(frozen=True)
class Settings:
    """Everything that fixes a training except its folder and its length, which may change when it is resumed.

    net: 'stylegan2' or 'progan'. critic: 'ada' (a discriminator trained with it, augmented adaptively) or 'projected'
    (small heads on a frozen backbone, arXiv:2111.01007). loss: 'ns' (non-saturating, R1) or 'rp' (relativistic
    pairing, R1 and R2, arXiv:2501.05441).
    size: longer side in pixels. init_res: (height, width) of the first block; other than square gives pictures of
    that shape. channels: 1 grey, 3 RGB, 4 RGBA; 0 takes what the pictures have. classes: labels from sub-folders.
    base, most: feature maps of a block of r pixels are base / r, at most `most`; 0 chooses by size. latent: length of
    z and w. mapping: layers of the mapping network.
    batch: pictures of a step, over all processes. micro: pictures of one pass; a smaller one saves memory (gradients
    are accumulated); 0 is the whole batch of a process. gamma: R1 weight; None is 0.0002 * pixels / batch, 0 none.
    path: weight of path length regularisation. g_every, d_every: steps between the lazy regularisations.
    ema: half-life of the generator's average in thousands of pictures; None is batch * 10 / 32. ramp: the half-life is
    at most this part of the pictures seen so far.
    mirror: pictures are mirrored by chance. target: E[sign D(real)] that steers the augmentation. augment: fixed
    strength 0..1 instead; None adapts. ada_kimg: thousands of pictures in which the strength can rise from 0 to 1.
    mixing: probability of style mixing. freeze_d: highest layers of the discriminator that stay as they are.
    checkpointing: recompute activations in the backward pass, for small cards. bf16: autocast to bfloat16.
    start: what the training begins with, by name, file or run folder. keep: pictures to train on, 0 for all
    (`--overfit`).
    """

    net: str = "stylegan2"
    critic: str = "ada"
    loss: str = "ns"
    size: int = 64
    init_res: tuple[int, int] = (4, 4)
    channels: int = 0
    classes: bool = False
    base: int = 0
    most: int = 0
    latent: int = 0
    mapping: int = 2
    batch: int = 16
    micro: int = 0
    rate: float = 0.0025
    gamma: float | None = None
    path: float = 2.0
    g_every: int = 4
    d_every: int = 16
    ema: float | None = None
    ramp: float | None = 0.05
    mirror: bool = False
    target: float = 0.6
    augment: float | None = None
    ada_kimg: float = 100.0
    mixing: float = 0.0
    freeze_d: int = 0
    checkpointing: bool = False
    bf16: bool = False
    start: str = ""
    keep: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for what, value, known in (("network", self.net, NETS), ("critic", self.critic, CRITICS),
                                   ("loss", self.loss, LOSSES)):  # fmt: skip
            if value not in known:
                raise SettingsError(unknown(what, value, known))
        seeds.check(self.seed)
        _check_numbers(self)
        _check_size(self)

    @property
    def blocks(self) -> int:
        """Blocks of the networks, from the first size to the last."""
        return (self.size // max(self.init_res)).bit_length()

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of a picture."""
        return self.init_res[0] << self.blocks - 1, self.init_res[1] << self.blocks - 1

    @property
    def widths(self) -> tuple[int, ...]:
        """Feature maps of each block, from the first upward."""
        base = self.base or _by_size(self.size, {64: 2048, 128: 4096, 256: 4096, 512: 8192, 1024: 16384})
        most = self.most or _by_size(self.size, {64: 128, 256: 256, 1024: 512})
        return tuple(min(max(base // (4 << i), 4), most) for i in range(self.blocks))

    @property
    def z_dim(self) -> int:
        """Length of z and of w."""
        return self.latent or _by_size(self.size, {64: 128, 256: 256, 1024: 512})

    @property
    def r1(self) -> float:
        """Weight of R1, the paper's heuristic where none is given."""
        height, width = self.shape
        return 0.0002 * height * width / self.batch if self.gamma is None else self.gamma

    @property
    def half_life(self) -> float:
        """Half-life of the generator's average in pictures."""
        return 1000 * (self.batch * 10 / 32 if self.ema is None else self.ema)


def _by_size(size: int, choices: dict[int, int]) -> int:
    """The value of the smallest key that is not below `size`."""
    return next(value for most, value in choices.items() if size <= most)


def _check_numbers(s: Settings) -> None:
    limits = {
        "size": SIZES, "base": (0, 1 << 20), "most": (0, 2048), "latent": (0, 2048), "mapping": (1, 16),
        "batch": (1, 4096), "micro": (0, 4096), "rate": (0, 1), "path": (0, 1e6), "g_every": (1, 1000),
        "d_every": (1, 1000), "target": (-1, 1), "ada_kimg": (0.001, 1e6), "mixing": (0, 1), "freeze_d": (0, 64),
        "keep": (0, 1 << 20),
    }  # fmt: skip
    check_limits(s, limits)
    for name, most in (("gamma", 1e6), ("ema", 1e6), ("ramp", 1.0), ("augment", 1.0)):
        if getattr(s, name) is not None:
            check_limits(s, {name: (0, most)})
    if s.channels not in (0, 1, 3, 4):
        raise SettingsError(f"channels {s.channels!r}: give 1 (grey), 3 (RGB), 4 (RGBA), or 0 for what the set has")
    if s.batch == 1 and s.loss == "ns" and s.critic == "ada":
        raise SettingsError("batch 1 gives minibatch deviation nothing to compare: give 2 or more")


def _check_size(s: Settings) -> None:
    sides = s.init_res
    if len(sides) != 2 or not all(type(side) is int and 1 <= side <= MOST_START for side in sides):
        raise SettingsError(f"init_res {s.init_res!r} is out of range: give two sides from 1 to {MOST_START}")
    if s.size % max(sides) or (s.size // max(sides)).bit_count() != 1 or s.size == max(sides):
        doubled = f"{max(sides)} doubled once or more"
        raise SettingsError(f"size {s.size!r} does not suit a first block of {max(sides)}: give {doubled}, such as 64")
    if s.net == "progan" and sides != (4, 4):
        raise SettingsError(f"a progan begins at 4x4, not at {sides!r}: leave init_res out")
    if s.critic == "projected" and s.loss == "rp":
        raise SettingsError("the projected critic has its own hinge loss: leave out --loss rp")
