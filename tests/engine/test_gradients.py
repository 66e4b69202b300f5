"""The step of a search as one graph, on a fake of torch.cuda that records and replays operators."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest
import torch
from conftest import tiny
from layouts import faked_cuda
from layouts.faked_cuda import FakedCuda
from torch import Tensor

from latentart.engine import gradients, stream
from latentart.features.load import lpips
from latentart.projection.search import loss as loss_module
from latentart.projection.search import objectives
from latentart.projection.search.align import Aligned
from latentart.projection.search.optimize import Objective, Schedule, Variables, descend
from latentart.projection.search.prior import prior


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakedCuda:
    monkeypatch.setattr(stream, "beside", lambda device: True)
    return faked_cuda.install(monkeypatch)


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@dataclass
class Bowl:
    """Each row has a centre of its own; counts how often Python runs its loss."""

    centre: Tensor
    runs: list[int]

    def loss(self, variables: Variables) -> Tensor:
        self.runs.append(len(self.centre))
        return (variables["x"] - self.centre).square().sum(dim=1)

    def settle(self, variables: Variables) -> None: ...

    def select(self, keep: Tensor) -> Bowl:
        return Bowl(self.centre[keep], self.runs)


def test_a_generator_s_step_replayed_is_autograd_s(cuda: FakedCuda) -> None:
    G = tiny().requires_grad_(False)
    target = G.synthesis(values(2, G.num_ws, G.w_dim, seed=5))

    def loss(variables: dict[str, Tensor]) -> Tensor:
        ws = variables["v"].expand(-1, G.num_ws, -1)
        return (G.synthesis(ws) - target).square().mean(dim=(1, 2, 3)) + variables["bias"].square().sum(dim=1)

    start = {"v": values(2, 1, G.w_dim), "bias": values(2, 3)}
    slopes = gradients.slopes(loss, start, 100)
    assert len(cuda.graphs) == 1
    before = cuda.graphs[0].replays
    for seed in (1, 2):
        given = {"v": values(2, 1, G.w_dim, seed=seed), "bias": values(2, 3, seed=seed)}
        (losses, found), (wanted, exact) = slopes(given), gradients.plain(loss)(given)
        assert torch.allclose(losses, wanted, rtol=1e-5)
        assert all(torch.allclose(found[name], exact[name], rtol=1e-4, atol=1e-6) for name in given)
        assert not losses.requires_grad
    assert cuda.graphs[0].replays == before + 2


def test_results_stay_when_the_next_step_is_taken(cuda: FakedCuda) -> None:
    bowl = Bowl(torch.zeros(1, 2), [])
    slopes = gradients.slopes(bowl.loss, {"x": torch.ones(1, 2)}, 100)
    losses, found = slopes({"x": torch.ones(1, 2)})
    slopes({"x": torch.full((1, 2), 9.0)})
    assert (float(losses), found["x"].tolist()) == (2.0, [[2.0, 2.0]])


def test_too_few_steps_and_other_devices_are_taken_plainly(cuda: FakedCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    bowl, start = Bowl(torch.zeros(1, 2), []), {"x": torch.ones(1, 2)}
    gradients.slopes(bowl.loss, start, gradients.WORTH - 1)
    monkeypatch.setattr(stream, "beside", lambda device: False)
    gradients.slopes(bowl.loss, start, 1000)
    assert (cuda.graphs, bowl.runs) == ([], [])


def test_a_loss_that_waits_for_the_device_is_taken_plainly_and_told(
    cuda: FakedCuda, caplog: pytest.LogCaptureFixture
) -> None:
    def loss(variables: dict[str, Tensor]) -> Tensor:
        return variables["x"].square().sum(dim=1) * float(variables["x"].detach().sum())

    slopes = gradients.slopes(loss, {"x": torch.ones(1, 2)}, 100)
    assert "gradients are taken step by step, which is slower: a CUDA graph cannot be recorded" in caplog.text
    assert slopes({"x": torch.full((1, 2), 2.0)})[0].tolist() == [32.0]


def test_a_graph_that_gives_something_else_is_refused(cuda: FakedCuda, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    scale = torch.ones(())

    def loss(variables: dict[str, Tensor]) -> Tensor:
        return variables["x"].square().sum(dim=1) * scale.add_(1)  # another one each time

    gradients.slopes(loss, {"x": torch.ones(1, 2)}, 100)
    assert "the graph is" in caplog.text
    assert "2e-02 is allowed" in caplog.text


def test_nan_is_refused(cuda: FakedCuda, caplog: pytest.LogCaptureFixture) -> None:
    gradients.slopes(lambda v: v["x"].sqrt().sum(dim=1), {"x": torch.full((1, 2), -4.0)}, 100)
    assert "the graph is nan off in losses" in caplog.text


def test_a_descent_records_once_for_each_number_of_rows(cuda: FakedCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    centre = torch.tensor([[0.0, 0.0], [5.0, -3.0], [-8.0, 8.0]])
    start, schedule = {"x": torch.zeros(3, 2)}, Schedule(400, {"x": 0.2}, patience=40)
    found = {}
    for beside in (True, False):
        monkeypatch.setattr(stream, "beside", lambda device, beside=beside: beside)
        runs: list[int] = []
        best, losses = descend(Bowl(centre, runs), start, schedule)
        found[beside] = best["x"], losses
        if beside:
            shapes = list(dict.fromkeys(runs))
            assert shapes[0] == 3
            assert len(shapes) > 1  # the first row was there at once and left
            assert len(cuda.graphs) == len(shapes)
            assert len(runs) <= 6 * len(shapes)  # recorded, compared, and looked at in the end; never stepped
    assert torch.allclose(found[True][0], found[False][0], atol=1e-5)
    assert float(found[True][1].max()) < 1e-4


def test_a_shape_that_lasts_few_steps_is_not_recorded(cuda: FakedCuda) -> None:
    centre, start = torch.tensor([[0.0, 0.0], [50.0, -30.0]]), {"x": torch.zeros(2, 2)}
    runs: list[int] = []
    descend(Bowl(centre, runs), start, Schedule(50, {"x": 0.2}, patience=24))
    assert len(cuda.graphs) == 1
    assert runs.count(1) > 6


def test_pictures_in_several_parts_are_taken_plainly(cuda: FakedCuda) -> None:
    runs: list[int] = []
    centre = values(3, 2)
    best, _ = descend(Bowl(centre, runs), {"x": torch.zeros(3, 2)}, Schedule(200, {"x": 0.2}, at_once=2))
    assert cuda.graphs == []
    assert torch.allclose(best["x"], centre, atol=1e-2)


OBJECTIVES = ["w", "w+ with a mask", "moved", "noise maps"]


@pytest.mark.parametrize("what", OBJECTIVES)
def test_what_projection_searches_can_be_recorded(what: str, cuda: FakedCuda) -> None:
    G = tiny(resolution=32).requires_grad_(False)
    known, rows = prior(G, 200), values(2, G.num_ws, G.w_dim)
    mask = torch.ones(1, 1, 32, 32) if "mask" in what else None
    near = loss_module.likeness(
        lpips(), G.synthesis(values(2, G.num_ws, G.w_dim, seed=1)), 32, mask=mask, pixel_weight=1
    )
    codes = objectives.Codes(G, near, known, 32, norm_weight=0.001)
    start: dict[str, Tensor] = {"v": rows[:, :1]}
    objective: Objective = codes
    if "mask" in what:
        start = {"v": rows}
    if what == "moved":
        start, objective = {**start, "place": values(2, 4)}, Aligned(codes)
    if what == "noise maps":
        start = {name: values(2, 1, *shape) for name, shape in G.noise_shapes.items()}
        objective = objectives.Noise(G, near, rows, 1.0)
    assert gradients.recorded(objective.loss, start).choice == "cuda graph"
