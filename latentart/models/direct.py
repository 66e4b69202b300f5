"""Generators that have no W: what goes into their mapping comes out, so that walks and projection need not ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from latentart.errors import SettingsError
from latentart.models import ops, state
from latentart.models.base import Generator, Mapper, Synthesizer, check_published, truncate
from latentart.weights.checkpoint import Checkpoint


class DirectMapping(Mapper):
    """ws is z, [N, 1, z_dim]; psi pulls it toward zero."""

    def __init__(self, z_dim: int, *, normalize: bool = False) -> None:
        super().__init__()
        self.normalize = normalize
        self.register_buffer("w_avg", torch.zeros(z_dim), persistent=False)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        **published: Any,
    ) -> Tensor:
        """[N, z_dim] -> [N, 1, z_dim]."""
        check_published(published)
        if c is not None and c.shape[1]:
            raise SettingsError(f"c has {c.shape[1]} classes, this model has none")
        z = z.to(self.w_avg)
        w = ops.unit_rms(z) if self.normalize else z
        return truncate(w, self.w_avg, 1, truncation_psi, truncation_cutoff)


class Shape(Protocol):
    """Size and channels of the images, from a family's config."""

    @property
    def z_dim(self) -> int: ...

    @property
    def size(self) -> int:
        """Pixels on each side."""
        ...

    @property
    def img_channels(self) -> int: ...


class Direct(Generator):
    """A generator of z itself: `DirectMapping`, and a family's synthesis."""

    def __init__(self, family: str, config: Shape, synthesis: Synthesizer, *, normalize: bool) -> None:
        super().__init__()
        self.config, self.family = config, family
        self.z_dim, self.c_dim, self.w_dim, self.num_ws = config.z_dim, 0, config.z_dim, 1
        self.img_size, self.img_channels = (config.size, config.size), config.img_channels
        self.noise_shapes = {}
        self.mapping = DirectMapping(config.z_dim, normalize=normalize)
        self.synthesis = synthesis


C = TypeVar("C", bound=Shape)


def built(
    checkpoint: Checkpoint, kind: type[C], make: Callable[[C], Synthesizer], complete: state.Complete, *,
    normalize: bool,
) -> Direct:  # fmt: skip
    """The generator without a W that a checkpoint describes, in float32, without gradients.

    kind: the family's config class; make: config -> its synthesis; complete: the family's. Raises WeightsError.
    """
    whole = state.whole(checkpoint, kind, complete)
    config = state.config_of(kind, whole.config)
    with torch.device("meta"):
        synthesis = make(config)
    generator = Direct(whole.config["family"], config, synthesis, normalize=normalize)
    state.fill(generator, {f"synthesis.{name}": tensor for name, tensor in whole.tensors.items()})
    return generator
