"""Quality while a GAN trains: measured when it is due, without a trace in the training."""

from __future__ import annotations

import pytest
import torch
from layouts.small_gan import a_gan, drawings

from latentart.errors import SettingsError
from latentart.training.gan.quality import Quality, affordable


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as the test sets it."""
    now = [0.0]
    monkeypatch.setattr("latentart.training.gan.quality.time.monotonic", lambda: now[0])
    return now


def test_it_is_measured_when_due_and_takes_a_small_part_of_the_time(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    quality = Quality(drawings(), torch.device("cpu"), 8)

    def measured(G: object) -> dict[str, float]:
        clock[0] += 3.0
        return {"kid": 1.0}

    monkeypatch.setattr(quality, "measure", measured)
    found = {}
    for second in range(400):
        clock[0] = max(clock[0], float(second))
        if quality(None):  # type: ignore[arg-type]
            found[second] = clock[0]
    assert list(found) == [60, 163, 266, 369]


@pytest.mark.parametrize("classes", [0, 2])
def test_the_names_are_those_of_judge_and_the_training_is_not_disturbed(classes: int) -> None:
    gan = a_gan(drawings(12, classes=classes), classes=bool(classes))
    quality = Quality(gan.found, gan.device, 8)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    found = quality.measure(gan.average)
    assert set(found) == {f"{name}-vgg16-relu3_3" for name in ("kid", "precision", "recall")}
    assert torch.equal(torch.get_rng_state(), before)
    assert quality.measure(gan.average) == found
    trained = a_gan(drawings(12, classes=classes), classes=bool(classes))
    for number in range(2):
        gan.step(number, 0.0)
        trained.step(number, 0.0)
        quality.measure(gan.average)
    left, right = gan.tensors(), trained.tensors()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


@pytest.mark.parametrize(("size", "device", "count"), [
    ((64, 64), "cpu", 256), ((128, 128), "cpu", 64), ((512, 512), "cpu", 32), ((512, 512), "cuda", 2048),
])  # fmt: skip
def test_samples_follow_device_and_size(size: tuple[int, int], device: str, count: int) -> None:
    assert affordable(size, torch.device(device)) == count


def test_too_few_samples_are_refused_and_zero_measures_nothing(clock: list[float]) -> None:
    with pytest.raises(SettingsError, match="too few to judge"):
        Quality(drawings(), torch.device("cpu"), 2)
    quality = Quality(drawings(), torch.device("cpu"), 0)
    clock[0] = 1e6
    assert quality(None) == {}  # type: ignore[arg-type]
