"""What is searched: codes in W or W+, and noise maps, each as an objective for `descend`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from latentart.models.base import Generator
from latentart.projection.search import noise as noise_maps
from latentart.projection.search import pyramid
from latentart.projection.search.loss import Likeness
from latentart.projection.search.optimize import Variables
from latentart.projection.search.prior import Prior


@dataclass(frozen=True)
class Codes:
    """Codes alone: variables {"v": [N, 1 or num_ws, w_dim]}; one row is used for all layers (the space W).

    v are codes in the whitened space of `prior`. There a step goes as far as the generator's own codes differ in
    that direction, so codes do not drift into directions that the generator never uses.
    size: longer side of the pictures rendered. norm_weight: how much the P-norm, mean of v squared, counts;
    far_weight: how much the squared distance from the mean code counts, in radii.
    """

    G: Generator
    likeness: Likeness
    prior: Prior
    size: int
    norm_weight: float = 0.0
    far_weight: float = 0.0
    noise: Mapping[str, Tensor] | None = None

    def loss(self, variables: Variables) -> Tensor:
        """Distance of the pictures, and of the codes from the generator's own, [N]."""
        return self.of(self.render(variables), variables)

    def render(self, variables: Variables) -> Tensor:
        """The pictures of these codes, [N, C, h, w]."""
        ws = to_ws(self.G, self.prior.colour(variables["v"]))
        return pyramid.render(self.G, ws, self.size, self.noise)

    def of(self, img: Tensor, variables: Variables) -> Tensor:
        """The loss when the pictures are there already."""
        total, v = self.likeness(img), variables["v"]
        if self.norm_weight:
            total = total + self.norm_weight * v.square().mean(dim=(1, 2))
        if self.far_weight:
            total = total + self.far_weight * self.prior.distance(self.prior.colour(v))
        return total

    def settle(self, variables: Variables) -> None:
        """Leaves the codes as they are: they have no bounds."""

    def select(self, keep: Tensor) -> Codes:
        """Selects rows of the batch; see `Objective.select`."""
        own = None if self.noise is None else {name: value[keep] for name, value in self.noise.items()}
        return replace(self, likeness=self.likeness.select(keep), noise=own)


@dataclass(frozen=True)
class Guided:
    """Codes whose pictures shall have something else besides: variables as for `Codes`.

    guide: pictures [N, C, h, w] and the rows of the batch that they are, None for all -> what is missing, [N].
    """

    codes: Codes
    guide: Callable[[Tensor, Tensor | None], Tensor]
    rows: Tensor | None = None

    def loss(self, variables: Variables) -> Tensor:
        """The loss of the codes and of the guide, [N]."""
        img = self.codes.render(variables)
        return self.codes.of(img, variables) + self.guide(img, self.rows)

    def settle(self, variables: Variables) -> None:
        """Leaves the codes as they are: they have no bounds."""

    def select(self, keep: Tensor) -> Guided:
        """Selects rows of the batch; see `Objective.select`."""
        return replace(self, codes=self.codes.select(keep), rows=keep if self.rows is None else self.rows[keep])


@dataclass(frozen=True)
class Noise:
    """Noise maps with the codes held still: variables {layer: [N, 1, H, W]}.

    Image2StyleGAN++ (Abdal et al. 2020, arXiv:1911.11544) found the two searched together to be unstable.
    """

    G: Generator
    likeness: Likeness
    ws: Tensor
    white_weight: float

    def loss(self, variables: Variables) -> Tensor:
        """Distance of the pictures, and of the maps from white noise, [N]."""
        img = self.G.synthesis(self.ws, noise_mode="const", noise=variables)
        return self.likeness(img) + self.white_weight * noise_maps.correlation(variables)

    def settle(self, variables: Variables) -> None:
        """Keeps the maps at mean 0 and variance 1."""
        with torch.no_grad():
            noise_maps.normalise(variables)

    def select(self, keep: Tensor) -> Noise:
        """Selects rows of the batch; see `Objective.select`."""
        return replace(self, likeness=self.likeness.select(keep), ws=self.ws[keep])


def to_ws(G: Generator, w: Tensor) -> Tensor:
    """w [N, 1 or num_ws, w_dim] -> ws [N, num_ws, w_dim]."""
    return w.expand(-1, G.num_ws, -1)
