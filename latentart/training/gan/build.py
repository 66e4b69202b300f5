"""The networks of a GAN training, fresh or begun with stored ones, and as checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from latentart.models import stylegan2
from latentart.models.base import Generator
from latentart.training.gan import discriminator
from latentart.training.gan.settings import Settings
from latentart.weights.checkpoint import Checkpoint

CRITIC_FILE = "critic.safetensors"
CRITIC_FAMILY = "stylegan2-critic"
LR_MULTIPLIER = 0.01


def networks(settings: Settings, c_dim: int) -> tuple[Generator, torch.nn.Module]:
    """Generator and critic with weights of chance, drawn from torch's global generator."""
    return generator(settings, c_dim), critic(settings, c_dim)


def generator(s: Settings, c_dim: int) -> stylegan2.StyleGAN2:
    """A fresh StyleGAN2 generator."""
    config = stylegan2.Config(
        z_dim=s.z_dim, c_dim=c_dim, w_dim=s.z_dim, embed_dim=s.z_dim if c_dim else 0,
        mapping_widths=(s.z_dim,) * s.mapping, widths=s.widths, img_channels=s.channels, init_res=s.init_res,
    )  # fmt: skip
    return stylegan2.StyleGAN2(config)


def critic(s: Settings, c_dim: int) -> torch.nn.Module:
    """A fresh critic."""
    config = discriminator.Config(s.widths, s.channels, c_dim, s.init_res)
    D = discriminator.Discriminator(config, checkpointing=s.checkpointing)
    D.freeze(s.freeze_d)
    return D


def begin(G: Generator, D: torch.nn.Module, settings: Settings) -> list[str]:
    """Gives both networks what `settings.start` holds -> in words what was taken and what was not."""
    return []


def arrange(G: Generator) -> None:
    """Lays weights out as a processor reads them best."""
    if isinstance(G, stylegan2.StyleGAN2) and G.device.type == "cpu":
        stylegan2.arrange(G)


def checkpoint(G: Generator, class_names: Sequence[str]) -> Checkpoint:
    """A generator as `latentart.load` opens it."""
    tensors = {name: tensor.detach().float().cpu().contiguous() for name, tensor in G.state_dict().items()}
    config = {
        "family": stylegan2.FAMILY, "architecture": "skip", "conv_clamp": None, "num_fp16_res": 0,
        "mapping_lr_multiplier": LR_MULTIPLIER, "class_names": list(class_names),
    }  # fmt: skip
    return Checkpoint(tensors, config, "", stylegan2.FAMILY)


def critic_checkpoint(D: torch.nn.Module, class_names: Sequence[str]) -> Checkpoint:
    """A critic as `--start` and `features.critic` open it."""
    assert isinstance(D, discriminator.Discriminator)
    tensors = {name: tensor.detach().float().cpu().contiguous() for name, tensor in D.state_dict().items()}
    config = {
        "family": CRITIC_FAMILY, "architecture": "resnet", "conv_clamp": D.config.conv_clamp,
        "init_res": list(D.config.init_res), "class_names": list(class_names),
    }  # fmt: skip
    return Checkpoint(tensors, config, "", CRITIC_FAMILY)
