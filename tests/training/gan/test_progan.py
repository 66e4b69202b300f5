"""Progressive growing: the schedule, fades, files that open, the loss by hand, exact resume inside a fade, a toy."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import SettingsError
from latentart.models.load import build
from latentart.training import state
from latentart.training.gan import growth, progan
from latentart.training.gan.growth import Phase
from latentart.weights import safe
from latentart.weights.open import open_checkpoint

WIDTHS = (12, 8, 4)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Networks this small gain nothing from a second thread, and wait for it long on a busy machine."""
    torch.set_num_threads(1)


def networks(channels: int = 3) -> tuple[progan.Generator, progan.Critic]:
    torch.manual_seed(0)
    return progan.networks(6, WIDTHS, channels)


def at(now: Phase, channels: int = 3) -> tuple[progan.Generator, progan.Critic]:
    nets = networks(channels)
    for net in nets:
        progan.grow(net, now)
    return nets


@pytest.mark.parametrize(
    ("images", "level", "alpha"),
    [(0, 0, 1), (999, 0, 1), (1000, 1, 0), (1250, 1, 0.25), (2000, 1, 1), (2999, 1, 1), (3500, 2, 0.5), (4000, 2, 1),
     (5500, 2, 1), (99_000, 2, 1)],
)  # fmt: skip
def test_the_schedule_of_three_sizes(images: int, level: int, alpha: float) -> None:
    assert growth.phase(images, 3, kimg=1) == Phase(level, alpha)


def test_a_training_that_fits_ends_at_its_last_size() -> None:
    kimg = growth.fitting(60, 5)
    seen = [growth.phase(images, 5, kimg) for images in range(0, 60_001, 100)]
    assert [p.level for p in seen] == sorted(p.level for p in seen)
    assert sum(p == Phase(4, 1.0) for p in seen) == pytest.approx(2 * 60, abs=2)
    assert sum(growth.begins(images, 100, 5, kimg) for images in range(0, 60_001, 100)) == 4
    with pytest.raises(SettingsError, match="levels 0"):
        growth.phase(0, 0)


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_files_open_and_draw_the_same(tmp_path, level: int, channels: int) -> None:
    G, _ = at(Phase(level, 1.0), channels)
    safe.write(tmp_path / "net.safetensors", progan.checkpoint(G))
    opened = build(open_checkpoint(tmp_path / "net.safetensors"), "cpu")
    z = torch.randn(2, 6)
    made = opened(z)
    assert opened.img_size == (4 << level, 4 << level)
    assert (G.synthesis.drawn(G.mapping(z)) - made).norm() < 1e-5 * made.norm()
    assert G(z).shape == (2, channels, 16, 16)
    assert torch.allclose(growth.pooled(G(z), 4 << level), G.synthesis.drawn(G.mapping(z)), atol=1e-6)


def test_a_file_inside_a_fade_has_the_size_that_is_seen_more() -> None:
    for alpha, rows in ((0.2, 3), (0.8, 5)):
        G, _ = at(Phase(2, alpha))
        assert (
            sum(name.endswith("weight") and name.startswith("layers") for name in progan.checkpoint(G).tensors) == rows
        )


def test_a_fade_begins_with_the_size_below_and_ends_with_its_own() -> None:
    z, img = torch.randn(2, 6), torch.rand(2, 3, 16, 16)
    (before, judge), (begun, judge_begun) = at(Phase(1, 1.0)), at(Phase(2, 0.0))
    assert torch.allclose(begun(z), before(z), atol=1e-6)
    assert torch.allclose(judge_begun(img), judge(img), atol=1e-5)
    assert torch.equal(growth.pooled(growth.faded(img, Phase(2, 0.0)), 8), growth.faded(img, Phase(1, 1.0)))
    assert torch.equal(growth.faded(img, Phase(2, 1.0)), img)
    nearly, whole = at(Phase(2, 1 - 1e-6))[0], at(Phase(2, 1.0))[0]
    assert torch.allclose(nearly(z), whole(z), atol=1e-4)


def test_the_loss_is_that_of_the_paper() -> None:
    G, D = at(Phase(1, 0.5))
    real, fake = torch.rand(4, 3, 16, 16), G(torch.randn(4, 6)).detach()
    torch.manual_seed(3)
    found = progan.critic_loss(D, real, fake)
    torch.manual_seed(3)
    share = torch.rand(4, 1, 1, 1)
    down = F.avg_pool2d(real, 2)
    real = 0.5 * down + 0.5 * F.avg_pool2d(down, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    fake = F.avg_pool2d(fake, 2)
    between = ((1 - share) * real + share * fake).requires_grad_()
    (slope,) = torch.autograd.grad(D(between).sum(), between)
    penalty = 10 * ((slope.square().sum(dim=(1, 2, 3)).sqrt() - 1) ** 2).mean()
    wanted = D(fake).mean() - D(real).mean() + penalty + 0.001 * D(real).square().mean()
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)


class Training:
    """The smallest loop: pictures of a step are named by its number."""

    def __init__(self) -> None:
        self.G, self.D = networks()
        self.nets = {"G": self.G, "D": self.D}
        self.optimizers = {n: torch.optim.Adam(net.parameters(), 2e-3, (0.0, 0.99)) for n, net in self.nets.items()}

    def steps(self, first: int, last: int, batch: int = 4, kimg: float = 0.008) -> None:
        for number in range(first, last):
            torch.manual_seed(number)
            for name, net in self.nets.items():
                progan.grow(net, growth.phase(number * batch, 3, kimg))
                if growth.begins(number * batch, batch, 3, kimg):
                    progan.restart(self.optimizers[name])
            real = torch.tanh(torch.linspace(-3, 3, 16)).expand(batch, 3, 16, 16)
            self._step("D", progan.critic_loss(self.D, real, self.G(torch.randn(batch, 6)).detach()))
            self._step("G", progan.generator_loss(self.D, self.G(torch.randn(batch, 6))))

    def _step(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[name].step()

    def tensors(self) -> dict[str, Tensor]:
        kept = {}
        for name, net in self.nets.items():
            kept |= state.named(name, net.state_dict())
            kept |= state.named(f"adam-{name}", state.of_optimizer(self.optimizers[name]))
        return {name: tensor.clone() for name, tensor in kept.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        for name, net in self.nets.items():
            state.restore_net(net, state.part(name, tensors), name)
            state.restore_optimizer(self.optimizers[name], state.part(f"adam-{name}", tensors))


@pytest.mark.parametrize("cut", [3, 6, 7])
def test_a_training_resumed_inside_a_fade_is_the_undisturbed_one(cut: int) -> None:
    """Steps 2, 3 and 6, 7 are fades; 2 and 6 are the first of a size."""
    whole, first, second = Training(), Training(), Training()
    whole.steps(0, 9)
    first.steps(0, cut)
    second.restore(first.tensors())
    second.steps(cut, 9)
    kept = second.tensors()
    assert all(torch.equal(tensor, kept[name]) for name, tensor in whole.tensors().items())


def test_what_is_not_reached_yet_stays_as_it_was() -> None:
    learning, fresh = Training(), Training()
    learning.steps(0, 2)
    for name in ("synthesis.layers.3.weight", "synthesis.torgb.2.bias"):
        assert torch.equal(learning.G.state_dict()[name], fresh.G.state_dict()[name])
    name = "synthesis.layers.0.weight"
    assert not torch.equal(learning.G.state_dict()[name], fresh.G.state_dict()[name])


def test_it_comes_nearer_to_one_picture() -> None:
    learning = Training()
    real = torch.tanh(torch.linspace(-3, 3, 16)).expand(1, 3, 16, 16)
    z = torch.randn(16, 6)
    before = (learning.G(z) - real).abs().mean()
    learning.steps(0, 60, kimg=0.08)
    after = (learning.G(z) - real).abs().mean()
    assert after < 0.7 * before


def test_classes_are_refused() -> None:
    with pytest.raises(SettingsError, match="no classes, 3 were found"):
        progan.networks(6, WIDTHS, 3, c_dim=3)
