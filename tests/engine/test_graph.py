"""latentart.engine.graph: recorded once, replayed into the same memory; on a fake of torch.cuda."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from layouts import faked_cuda
from layouts.faked_cuda import FakedCuda
from torch import Tensor

from latentart.engine import graph
from latentart.engine.request import RouteError


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakedCuda:
    return faked_cuda.install(monkeypatch)


def test_a_function_is_recorded_once_and_replayed_with_new_inputs(cuda: FakedCuda) -> None:
    calls = []

    def function(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        calls.append(1)
        return (x * y, (x + 1).relu_())

    step = graph.capture(function, torch.zeros(3), torch.zeros(3), warm_up=2)
    assert (len(calls), len(cuda.graphs), cuda.modes) == (3, 1, ["thread_local"])
    x, y = torch.tensor([1.0, -2.0, 3.0]), torch.tensor([2.0, 2.0, 2.0])
    made = step(x, y)
    assert torch.equal(made[0], x * y)
    assert torch.equal(made[1], torch.tensor([2.0, 0.0, 4.0]))
    assert len(calls) == 3


def test_results_are_the_callers_own(cuda: FakedCuda) -> None:
    step = graph.capture(lambda x: (x * 2,), torch.zeros(2))
    first = step(torch.ones(2))[0]
    assert torch.equal(step(torch.full((2,), 5.0))[0], torch.full((2,), 10.0))
    assert torch.equal(first, torch.full((2,), 2.0))
    assert step.replay(torch.zeros(2))[0] is step.outputs[0]
    assert torch.equal(step.outputs[0], torch.zeros(2))


def test_examples_are_not_written(cuda: FakedCuda) -> None:
    example = torch.zeros(2)
    step = graph.capture(lambda x: (x * 2,), example)
    step(torch.ones(2))
    assert torch.equal(example, torch.zeros(2))
    step.inputs[0].fill_(3)  # inputs that are written in place need not be given
    assert torch.equal(step()[0], torch.full((2,), 6.0))
    with pytest.raises(ValueError, match="2 tensors for a graph of 1 inputs"):
        step(torch.ones(2), torch.ones(2))


@pytest.mark.parametrize("mode", [True, False])
def test_inference_mode_inside_and_outside(mode: bool, cuda: FakedCuda) -> None:
    def function(x: Tensor) -> tuple[Tensor, ...]:
        with torch.inference_mode():
            return (x.exp().add_(1),)

    with torch.inference_mode(mode):
        step = graph.capture(function, torch.zeros(2))
    with torch.inference_mode(not mode):
        made = step(torch.ones(2))[0]
    assert torch.allclose(made, torch.ones(2).exp() + 1)
    made = step(torch.ones(2))[0]
    made.add_(1)  # outside of inference mode what is handed out is a plain tensor


def test_gradients_are_part_of_the_graph(cuda: FakedCuda) -> None:
    def function(x: Tensor) -> tuple[Tensor, ...]:
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            loss = (x**3).sum()
        return (loss.detach(), *torch.autograd.grad(loss, x))

    step = graph.capture(function, torch.zeros(2))
    loss, grad = step(torch.tensor([1.0, 2.0]))
    assert float(loss) == 9
    assert torch.equal(grad, torch.tensor([3.0, 12.0]))


def test_state_that_the_function_changes_goes_on_from_replay_to_replay(cuda: FakedCuda) -> None:
    count = torch.zeros(())
    step = graph.capture(lambda x: (x + count.add_(1),), torch.zeros(1), warm_up=2)
    count.zero_()
    assert [float(step(torch.zeros(1))[0]) for _ in range(3)] == [1, 2, 3]


def test_what_a_graph_reads_stays_as_long_as_the_graph(cuda: FakedCuda) -> None:
    weights = torch.nn.Linear(2, 2)
    seen = weakref.ref(weights)
    step = graph.capture(lambda x, layer=weights: (layer(x).detach(),), torch.zeros(1, 2))
    del weights
    cuda.graphs.clear()
    assert seen() is not None
    del step
    gc.collect()
    assert seen() is None


def test_what_would_wait_for_the_device_is_told_in_one_line(cuda: FakedCuda) -> None:
    with pytest.raises(RouteError, match=r"cannot be recorded: CUDA error: .* capturing$"):
        graph.capture(lambda x: (x * float(x.sum()),), torch.zeros(2))


def test_errors_of_triton_are_told_too(cuda: FakedCuda) -> None:
    from triton.runtime.errors import OutOfResources

    def function(x: Tensor) -> tuple[Tensor, ...]:
        raise OutOfResources(300_000, 232_448, "shared memory")

    with pytest.raises(RouteError, match="cannot be recorded: out of resource: shared memory"):
        graph.capture(function, torch.zeros(2))
