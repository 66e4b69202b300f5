"""The networks of a GAN training, fresh, and as checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from latentart.models import stylegan2
from latentart.models.base import Generator
from latentart.training.gan import progan
from latentart.training.gan.critics import discriminator, projected
from latentart.training.gan.settings import Settings
from latentart.weights.checkpoint import Checkpoint

CRITIC_FILE = "critic.safetensors"
CRITIC_FAMILIES = {"ada": "stylegan2-critic", "projected": "projected-critic"}


def networks(
    settings: Settings, c_dim: int, like: stylegan2.Config | None = None, judge: discriminator.Config | None = None
) -> tuple[Generator, torch.nn.Module]:
    """Generator and critic with random weights, drawn from torch's global generator.

    like, judge: shapes of the networks that the training begins with.
    """
    if settings.net == "progan":
        return progan.networks(settings.z_dim, settings.widths, settings.channels, c_dim)
    return generator(settings, c_dim, like), critic(settings, c_dim, judge)


def generator(s: Settings, c_dim: int, like: stylegan2.Config | None) -> stylegan2.StyleGAN2:
    """A fresh StyleGAN2 generator; `like` has what settings do not hold (clamp, architecture)."""
    config = stylegan2.Config(
        z_dim=s.z_dim, c_dim=c_dim, w_dim=s.z_dim, embed_dim=s.z_dim if c_dim else 0,
        mapping_widths=(s.z_dim,) * s.mapping, widths=s.widths, img_channels=s.channels, init_res=s.init_res,
    )  # fmt: skip
    if like is not None:
        kept = ("architecture", "use_noise", "conv_clamp", "mapping_lr_multiplier", "w_dim", "mapping_widths")
        config = replace(config, **{name: getattr(like, name) for name in kept if s.exact})
    return stylegan2.StyleGAN2(config)


def critic(s: Settings, c_dim: int, like: discriminator.Config | None) -> torch.nn.Module:
    """A fresh critic; `like` has the widths of a stored one."""
    if s.critic == "projected":
        return projected.ProjectedCritic(s.shape, s.channels, c_dim)
    config = discriminator.Config(_widths(s, like), s.channels, c_dim, s.init_res)
    if like is not None:
        config = replace(config, mapping_layers=like.mapping_layers, conv_clamp=like.conv_clamp)
    D = discriminator.Discriminator(config, checkpointing=s.checkpointing)
    D.freeze(s.freeze_d)
    return D


def _widths(s: Settings, like: discriminator.Config | None) -> tuple[int, ...]:
    """Feature maps of the critic's blocks: the stored ones as far as they go, when the training follows its start."""
    if like is None or not s.exact:
        return s.widths
    return (*like.widths, *s.widths[len(like.widths) :])[: s.blocks]


def arrange(G: Generator) -> None:
    """Lays weights out as a processor reads them best."""
    if isinstance(G, stylegan2.StyleGAN2) and G.device.type == "cpu":
        stylegan2.arrange(G)


def checkpoint(G: Generator, class_names: Sequence[str]) -> Checkpoint:
    """A generator as `latentart.load` opens it."""
    if isinstance(G, progan.Generator):
        return progan.checkpoint(G)
    assert isinstance(G, stylegan2.StyleGAN2)
    config = {
        "family": stylegan2.FAMILY, "architecture": G.config.architecture, "conv_clamp": G.config.conv_clamp,
        "num_fp16_res": 0, "mapping_lr_multiplier": G.config.mapping_lr_multiplier, "class_names": list(class_names),
    }  # fmt: skip
    return Checkpoint(_kept(G), config, "", stylegan2.FAMILY)


def critic_checkpoint(D: torch.nn.Module, s: Settings, class_names: Sequence[str]) -> Checkpoint:
    """A critic as `--start` and `features.critic` open it."""
    family = "progan-critic" if s.net == "progan" else CRITIC_FAMILIES[s.critic]
    config: dict[str, Any] = {"family": family, "class_names": list(class_names)}
    if isinstance(D, discriminator.Discriminator):
        config |= {"architecture": "resnet", "conv_clamp": D.config.conv_clamp, "init_res": list(D.config.init_res)}
    return Checkpoint(_kept(D), config, "", family)


def _kept(net: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().float().cpu().contiguous() for name, tensor in net.state_dict().items()}
