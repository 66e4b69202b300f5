"""`project`: pictures in, codes out."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from latentart.errors import SettingsError
from latentart.features import load as features_load
from latentart.features.lpips import Lpips
from latentart.models.base import Generator
from latentart.projection import run
from latentart.projection.prepared import Prepared
from latentart.projection.result import Projection
from latentart.projection.search import bank as banks
from latentart.projection.search import encoder as encoders
from latentart.projection.search.prior import prior
from latentart.projection.settings import OnStep, Settings, check
from latentart.projection.target import Target, open_target


class Projector(Prepared):
    """A prepared generator that projects pictures.

    Building one takes a while the first time (see `bank`), so projecting many pictures should use one.
    """

    @classmethod
    def of(
        cls,
        G: Generator,
        features: Lpips | str = features_load.SHIPPED,
        samples: int = banks.COUNT,
        encoder: Literal["kept", "train", "none"] = "kept",
    ) -> Projector:
        """Reads or makes everything for `G`; features: a network or the name of one; samples: size of the bank.

        encoder: take the one that is kept for this model, if there is one, train one, or begin in the bank.
        Raises SettingsError.
        """
        if isinstance(features, str):
            features = features_load.lpips(features, G.device)
        # A working copy: the user's own generator stays as it is.
        own = copy.deepcopy(G).requires_grad_(False)
        own.to(memory_format=_layout(own.device))  # type: ignore[call-overload]
        known = prior(own)
        guess = None if encoder == "none" else encoders.encoder(own, known, train=encoder == "train")
        return cls(own, features, known, banks.bank(own, features, samples), guess)

    def project(
        self, targets: Sequence[Target], settings: Settings | None = None, on_step: OnStep | None = None
    ) -> list[Projection]:
        """One Projection for each target, all searched at the same time; a batch gives what single pictures give.

        on_step(Step) is called after each step of the search. Raises SettingsError.
        """
        chosen = check(settings or Settings())
        return run.run(self, targets, chosen, on_step) if targets else []


def _layout(device: torch.device) -> torch.memory_format:
    """How weights lie while gradients are taken.

    Channels last is faster on processors. On an H100 a step of config-f at 1024 pixels is slower so (19.9 ms as a graph
    against 16.6): its filters are depthwise convolutions, for which PyTorch has fast CUDA kernels in planes alone.
    """
    return torch.contiguous_format if device.type == "cuda" else torch.channels_last


def project(
    G: Generator,
    images: Tensor | Target | str | Path | Sequence[Target | str | Path],
    preset: str = "standard",
    space: str = "w+",
    seed: int = 0,
    *,
    noise: bool = False,
    tune: bool = False,
    align: bool = False,
    mask: Tensor | None = None,
    features: Lpips | str = features_load.SHIPPED,
    on_step: OnStep | None = None,
) -> list[Projection]:
    """Finds codes that make `G` draw these pictures.

    images: files, [N, C, H, W] in [-1, 1] of G's size and channels, or targets made by `open_target`.
    preset: 'preview', 'standard', 'deep', or 'nvidia' (the published schedule, for comparison).
    space: 'w' (plays best) or 'w+' (looks closer). noise: search noise maps too. tune: bend the generator toward
    each picture. align: find scale, shift and rotation too. mask: [N or 1, 1, H, W], 1 where the picture counts.
    Raises SettingsError. Image2StyleGAN (arXiv:1904.03189, 1911.11544), P-norm (2012.09036), PTI (2106.05744).
    """
    settings = check(Settings(preset, space, seed, noise, tune, align))
    targets = as_targets(G, images, mask)
    return Projector.of(G, features).project(targets, settings, on_step)


def as_targets(
    G: Generator, images: Tensor | Target | str | Path | Sequence[Target | str | Path], mask: Tensor | None
) -> list[Target]:
    """Pictures as targets. Raises SettingsError when their shape is not the generator's, PictureError."""
    if isinstance(images, str | Path | Target):
        images = [images]
    if not isinstance(images, Tensor):
        return [_target(G, image) for image in images]
    wanted = (G.img_channels, *G.img_size)
    if images.ndim != 4 or tuple(images.shape[1:]) != wanted:
        raise SettingsError(f"images have shape {list(images.shape)}, this model draws {['N', *wanted]}")
    masks = [None] * len(images) if mask is None else list(mask.expand(len(images), -1, -1, -1)[:, None])
    return [Target(img[None], own, f"picture{i:02d}") for i, (img, own) in enumerate(zip(images, masks, strict=True))]


def _target(G: Generator, image: object) -> Target:
    if isinstance(image, str | Path):
        return open_target(image, G)
    if not isinstance(image, Target):
        what = f"cannot project a {type(image).__name__}"
        raise SettingsError(f"{what}: give files, a tensor [N, C, H, W] in [-1, 1], or targets of open_target")
    return image
