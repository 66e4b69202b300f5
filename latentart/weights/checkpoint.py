"""The noun between a file and a model: plain tensors and plain settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Checkpoint:
    """What a file held. Nothing in it can be executed.

    tensors: name -> tensor on the CPU, in the family's own names (for StyleGAN2: NVIDIA's generator names,
      'mapping.fc0.weight', 'synthesis.b8.conv0.weight', buffers included).
    config: what tensors cannot say, JSON types only. For StyleGAN2 (all optional but `family`): architecture
      'skip' | 'resnet' | 'orig', conv_clamp, mapping_lr_multiplier, mapping_layers, use_noise, num_fp16_res,
      init_res [h, w], and the facts z_dim, c_dim, w_dim, img_resolution, img_channels to be checked against tensors.
    source: the format it was read from, e.g. 'nvidia-pickle', 'rosinality', 'safetensors'.
    inferred: switches the reader had to work out, in words, for `inspect`.
    """

    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any]
    sha256: str
    source: str
    name: str = "unnamed"
    inferred: tuple[str, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
