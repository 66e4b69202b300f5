"""The projected critic on a backbone of random weights: shapes, state, what is trained, augmentation, a toy."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from layouts.efficientnet import random_state

from latentart.errors import SettingsError
from latentart.features.efficientnet import EfficientNetLite0
from latentart.features.efficientnet_pull import folded
from latentart.training.gan.critics import diff_augment, projected
from latentart.training.gan.critics.projected import ProjectedCritic


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Networks this small gain nothing from a second thread, and wait for it long on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def backbone() -> EfficientNetLite0:
    return EfficientNetLite0(folded(random_state()))


def made(
    backbone: EfficientNetLite0, size: int | tuple[int, int] = 64, channels: int = 3, c_dim: int = 0, seed: int = 0
):
    torch.manual_seed(seed)
    return ProjectedCritic(size, channels, c_dim, backbone=backbone)


@pytest.mark.parametrize(("size", "seen"), [((64, 64), (128, 128)), ((128, 128), (256, 256)), ((512, 512), (512, 512)),
                                            ((64, 32), (128, 64)), ((48, 64), (96, 128))])  # fmt: skip
def test_sizes_that_the_backbone_sees(size: tuple[int, int], seen: tuple[int, int]) -> None:
    assert projected.seen(size) == seen


@pytest.mark.parametrize(("channels", "size"), [(1, (64, 64)), (3, (64, 32)), (4, (32, 32))])
def test_four_heads_give_logits_and_gradients(
    backbone: EfficientNetLite0, channels: int, size: tuple[int, int]
) -> None:
    critic = made(backbone, size, channels, 3)
    img = torch.rand(2, channels, *size).mul(2).sub(1).requires_grad_()
    logits = critic(img, F.one_hot(torch.arange(2), 3).float())
    assert [len(each) for each in logits] == [2] * 4
    assert all(each.ndim == 2 for each in logits)
    assert all(torch.isfinite(each).all() for each in logits)
    projected.generator_loss(logits).backward()
    assert img.grad.abs().sum() > 0
    assert all(p.grad is not None for p in critic.parameters())


def test_the_state_holds_heads_and_projections_alone(backbone: EfficientNetLite0) -> None:
    critic, other = made(backbone, c_dim=2), made(backbone, c_dim=2, seed=1)
    state = critic.state_dict()
    assert {name.split(".")[0] for name in state} == {"projection", "heads"}
    assert sum(tensor.numel() for tensor in state.values()) * 2 < 15e6
    assert not any(name.startswith("projection") for name, _ in critic.named_parameters())
    other.load_state_dict(state)
    img, c = torch.rand(2, 3, 64, 64), torch.eye(2)
    for each in (critic, other):
        each.eval()
    torch.manual_seed(3)
    first = critic(img, c)
    torch.manual_seed(3)
    assert all(torch.equal(a, b) for a, b in zip(first, other(img, c), strict=True))


def test_classes_change_the_logits(backbone: EfficientNetLite0) -> None:
    critic = made(backbone, c_dim=2).eval()
    img, found = torch.rand(2, 3, 64, 64), []
    for label in (0, 1):
        torch.manual_seed(3)
        found.append(critic(img, torch.eye(2)[[label, label]])[0])
    assert not torch.allclose(*found)


def test_weights_have_spectral_norm_1(backbone: EfficientNetLite0) -> None:
    critic = made(backbone)
    for _ in range(10):
        critic.heads[0](torch.rand(2, 32, 8, 8))
    weight = critic.heads[0].downs[0].weight.flatten(1)
    assert abs(torch.linalg.matrix_norm(weight, 2) - 1) < 0.1


def test_transparency_shows_the_ground_and_opaque_pictures_stay() -> None:
    torch.manual_seed(0)
    img = torch.rand(3, 4, 8, 8) * 2 - 1
    img[:, 3, :4], img[:, 3, 4:], img[:, :3, :4] = -1, 1, 0
    seen = projected.over_random_ground(img)
    assert torch.equal(seen[:, :, 4:], img[:, :3, 4:])
    assert seen[:, :, :4].flatten(2).std(dim=2).max() < 1e-6
    assert len({round(float(v), 4) for v in seen[:, 0, 0, 0]}) == 3


def test_groups_are_normalised_on_their_own() -> None:
    x = torch.randn(16, 3, 4, 4) * 3 + 1
    whole = projected.normalised(x)
    assert torch.allclose(whole[:8], projected.normalised(x[:8]), atol=1e-6)
    assert whole[:8].mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert (whole[:8].var(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-3


def test_the_hinge_losses_by_hand() -> None:
    real, fake = [torch.tensor([[2.0, 0.0]])], [torch.tensor([[-3.0, 0.5]])]
    assert projected.critic_loss(real, fake).item() == pytest.approx(0.5 + 0.75)
    assert projected.generator_loss(fake).item() == pytest.approx(1.25)


def test_a_head_learns_to_tell_two_kinds_of_features() -> None:
    torch.manual_seed(0)
    head = projected.Head(8, 16, 0)
    optimizer = torch.optim.Adam(head.parameters(), 2e-3, (0.0, 0.99))
    kinds = torch.randn(2, 1, 8, 16, 16)
    losses = []
    for _ in range(40):
        real, fake = (kind + torch.randn(8, 8, 16, 16) for kind in kinds)
        loss = projected.critic_loss([head(real)], [head(fake)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_translation_is_by_whole_pixels_and_blanks_the_rest() -> None:
    torch.manual_seed(1)
    img = torch.arange(1, 16 * 24 + 1.0).view(1, 1, 16, 24).expand(20, -1, -1, -1)
    moved = diff_augment.translated(img)
    for one in moved[:, 0]:
        y, x = (one > 0).nonzero()[0].tolist()
        inside = one > 0
        offset = one[inside] - (torch.arange(16 * 24).view(16, 24)[inside] + 1)
        assert offset.unique().numel() == 1
        assert y <= 2
        assert x <= 3
    assert (moved == 0).any(dim=3).any(dim=2).float().mean() > 0.5


def test_cutout_blanks_a_quarter_at_most_and_colour_keeps_grey_grey() -> None:
    torch.manual_seed(1)
    img = torch.ones(50, 3, 16, 16)
    share = 1 - diff_augment.cut(img).mean(dim=(1, 2, 3))
    assert share.max() == 0.25
    assert share.min() < 0.2
    coloured = diff_augment.recoloured(torch.rand(50, 1, 8, 8).expand(-1, 3, -1, -1))
    assert (coloured - coloured.mean(dim=1, keepdim=True)).abs().max() < 1e-5


def test_what_does_not_fit_is_named(backbone: EfficientNetLite0) -> None:
    with pytest.raises(SettingsError, match="2 channels"):
        ProjectedCritic(64, 2, backbone=backbone)
    with pytest.raises(SettingsError, match="too narrow"):
        ProjectedCritic((8, 64), 3, backbone=backbone)
    with pytest.raises(SettingsError, match="fit them first"):
        made(backbone)(torch.rand(1, 3, 32, 32))
