"""Frames that come over beside the drawing, on a fake whose copies come as late as they may (layouts/late_cuda.py)."""

from __future__ import annotations

import gc
import inspect
import logging
import math
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import tiny
from layouts import faked_cuda, late_cuda
from layouts.late_cuda import LateCuda
from torch import Tensor

from latentart import engine as engines
from latentart import pixels, walks
from latentart.engine import choose, stream
from latentart.engine.routes import cuda as cuda_route
from latentart.engine.routes import eager
from latentart.errors import PictureError
from latentart.models.base import Generator
from latentart.render import film as films
from latentart.render.film import Film
from latentart.render.frames import frames
from latentart.sinks import Background

DEVICE = torch.device("cpu")
SHAPE = (4, 6, 3)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> LateCuda:
    return late_cuda.install(monkeypatch)


@pytest.fixture(autouse=True)
def only_plain_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other routes take seconds to say whether they are there."""
    monkeypatch.setattr(choose, "find", lambda: [eager])


def numbered(number: int, batch: int = 2) -> Tensor:
    return torch.full([batch, *SHAPE], number % 256, dtype=torch.uint8)


def fine() -> Tensor:
    return torch.zeros(())


class Counting:
    """An engine whose pictures are numbers, drawn into the same memory each time as a graph does."""

    def __init__(self, batch: int = 2) -> None:
        self.static = numbered(0, batch)
        self.drawn = 0
        self.run = stream.Delivered(self.draw, DEVICE)

    def draw(self, ws: Tensor, noise: Any) -> tuple[Tensor, Tensor]:
        self.drawn += 1
        return self.static.fill_(self.drawn), fine()

    def begin(self, ws: Tensor) -> stream.Pending:
        return self.run.begin(ws, None)


def latents(count: int) -> Iterator[Tensor]:
    return iter(torch.zeros(count, 1, 1))


def test_the_copy_waits_until_somebody_wants_the_frames(cuda: LateCuda) -> None:
    read = stream.ReadBack(DEVICE)
    pending = read.send(numbered(5), fine())
    (copying,) = cuda.beside
    assert (copying.given, copying.done) == (1, 0)
    assert (pending() == 5).all()
    assert copying.done == 1


def test_many_on_their_way_at_once_do_not_touch_each_other(cuda: LateCuda) -> None:
    counting = Counting()
    begun = [counting.begin(ws) for ws in latents(7)]
    assert [int(wait()[1, 0, 0, 0]) for wait in begun] == list(range(1, 8))


def test_without_the_wait_for_the_copy_before_last_frames_would_be_wrong(
    cuda: LateCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_cuda.LateStream, "wait_event", lambda self, event: None)
    counting = Counting()
    begun = [counting.begin(ws) for ws in latents(7)]
    assert [int(wait()[0, 0, 0, 0]) for wait in begun] != list(range(1, 8))


def test_the_next_batch_is_begun_before_one_is_waited_for(cuda: LateCuda) -> None:
    counting = Counting()
    shown = stream.stream(counting, latents(3), DEVICE)
    seen = [(int(frame[0, 0, 0]), counting.drawn) for frame in shown]
    assert seen == [(1, 2), (1, 2), (2, 3), (2, 3), (3, 3), (3, 3)]


def test_elsewhere_it_is_the_plain_loop() -> None:
    order = []

    def begun() -> Iterator[Any]:
        for i in range(3):
            order.append(f"begun {i}")
            yield lambda i=i: order.append(f"given {i}")

    for _ in stream.ahead(begun(), DEVICE):
        order.append("used")
    assert order == [word for i in range(3) for word in (f"begun {i}", f"given {i}", "used")]


@pytest.mark.parametrize("batch", [1, 2, 4, 8])
def test_frames_in_a_sink_s_queue_stay_as_they_are_and_cost_no_copy(batch: int, cuda: LateCuda) -> None:
    held: deque[tuple[int, pixels.Frame]] = deque()
    for number, frame in enumerate(stream.stream(Counting(batch), latents(30), DEVICE)):
        assert cuda.lent(frame)
        held.append((number // batch + 1, frame))
        if len(held) == stream.HELD:  # four wait, one is encoded, one is in hand
            wanted, oldest = held.popleft()
            assert (oldest == wanted).all()
    assert len(cuda.pinned) <= math.ceil(stream.HELD / batch) + 2


def test_as_many_frames_are_held_as_the_sink_holds() -> None:
    waiting = inspect.signature(Background).parameters["waiting"].default
    assert waiting + 2 == stream.HELD


def test_whoever_keeps_all_frames_gets_copies_and_is_told(cuda: LateCuda, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "latentart.engine")
    kept = list(stream.stream(Counting(8), latents(20), DEVICE))
    assert [int(frame[0, 0, 0]) for frame in kept] == [i // 8 + 1 for i in range(160)]
    assert [cuda.lent(frame) for frame in kept] == [i < 24 for i in range(160)]
    assert len(cuda.pinned) <= 5
    assert sum("copied once more" in line for line in caplog.messages) == 1


def test_so_does_whoever_waits_for_each_at_once(cuda: LateCuda, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "latentart.engine")
    run = Counting(1).run
    kept = [run(ws, None) for ws in latents(20)]
    assert [int(frames[0, 0, 0, 0]) for frames in kept] == list(range(1, 21))
    assert len(cuda.pinned) == 9
    assert sum("copied once more" in line for line in caplog.messages) == 1


def test_memory_comes_back_when_the_last_view_is_gone(cuda: LateCuda) -> None:
    read = stream.ReadBack(DEVICE)
    corner = read.send(numbered(1), fine())()[1, :2, :2]
    for number in range(2, 20):
        assert (read.send(numbered(number), fine())() == number).all()
    assert (corner == 1).all()
    assert len(cuda.pinned) == 2
    del corner
    gc.collect()
    first, second = (read.send(numbered(n), fine())() for n in (20, 21))
    assert len(cuda.pinned) == 2
    assert (int(first[0, 0, 0, 0]), int(second[0, 0, 0, 0])) == (20, 21)


def test_frames_of_other_sizes_and_depths(cuda: LateCuda) -> None:
    read = stream.ReadBack(DEVICE)
    small = read.send(torch.full([1, 3, 3, 1], 4, dtype=torch.uint8), fine())
    large = read.send(torch.full([2, 5, 5, 3], 5, dtype=torch.uint8), fine())
    deep = read.send(torch.full([1, 3, 3, 1], 60_000).to(torch.uint16), fine())
    assert [wait().shape for wait in (small, large)] == [(1, 3, 3, 1), (2, 5, 5, 3)]
    assert ((small() == 4).all(), (large() == 5).all(), (deep() == 60_000).all()) == (True, True, True)
    assert deep().dtype == np.uint16


@pytest.mark.parametrize("depth", [8, 16])
def test_rounding_gives_what_pixels_gives(depth: int, cuda: LateCuda) -> None:
    img = torch.randn(2, 3, 8, 10, generator=torch.Generator().manual_seed(0))
    img[0, 0, 0, :2] = torch.tensor([-1.0, 1.0])
    assert np.array_equal(stream.Rounding(DEVICE).begin(img, depth)(), stream.DEPTHS[depth](img))


def test_a_nan_is_told_with_its_own_frames(cuda: LateCuda) -> None:
    read = stream.ReadBack(DEVICE)
    first, second = read.send(numbered(1), fine()), read.send(numbered(2), torch.tensor(math.nan))
    assert (first() == 1).all()
    with pytest.raises(PictureError, match="holds NaN"):
        second()


@pytest.mark.parametrize("output", ["uint8", "yuv420"])
def test_engines_give_the_same_frames_beside_the_drawing(
    output: str, G: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = torch.randn(5, G.num_ws, G.w_dim, generator=torch.Generator().manual_seed(0))
    wanted = engines.compile(G, output=output, only="eager", measure=0)(ws)
    cuda = late_cuda.install(monkeypatch)
    engine = engines.compile(G, output=output, only="eager", measure=0, batch=2)
    made = engine(ws)
    assert np.array_equal(made, wanted)
    waiting = engine.begin(ws)
    assert cuda.beside[0].given > cuda.beside[0].done
    assert np.array_equal(waiting(), wanted)


def test_frames_of_a_graph_survive_its_next_replay(G: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = torch.randn(6, G.num_ws, G.w_dim, generator=torch.Generator().manual_seed(0))
    wanted = pixels.to_uint8(G.synthesis(ws))
    monkeypatch.setattr(choose, "find", lambda: [eager, cuda_route])
    faked_cuda.install(monkeypatch)
    late = late_cuda.install(monkeypatch)
    engine = engines.compile(G, output="uint8", only=cuda_route.GRAPH, measure=0, batch=2)
    begun = [engine.begin(ws[i : i + 2]) for i in (0, 2, 4)]
    assert any(stream.given > stream.done for stream in late.beside)
    made = np.concatenate([wait() for wait in begun])
    assert np.abs(made.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("settings", [{}, {"size": (20, 12)}, {"depth": 16}, {"batch": 3, "start": 2, "stop": 9}])
def test_frames_of_a_path_are_the_same_beside_the_drawing(
    settings: dict[str, Any], G: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = walks.orbit(G, seeds=[1], seconds=1, fps=10)
    wanted = list(frames(G, path, **settings))
    cuda = late_cuda.install(monkeypatch)
    made = list(frames(G, path, **settings))
    assert cuda.beside[0].done > 0
    assert all(np.array_equal(a, b) for a, b in zip(wanted, made, strict=True))


def test_a_film_has_the_same_bytes_beside_the_drawing(
    G: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = Film(seeds=(3, 11), seconds=1, fps="12", walk="orbit", diameter=0.5)
    plain = films.render(film, tmp_path / "plain.mkv", G=G, synthesis=films.engine_for(film, G, "eager"))
    late_cuda.install(monkeypatch)
    beside = films.render(film, tmp_path / "beside.mkv", G=G, synthesis=films.engine_for(film, G, "eager"))
    assert plain.target.read_bytes() == beside.target.read_bytes()


@pytest.mark.parametrize(
    ("film", "sink", "output"),
    [
        ({}, {"planes": True}, "yuv420"),
        ({"size": (16, 16)}, {"planes": True}, "yuv420"),
        ({}, {"planes": False}, "uint8"),
        ({}, {"planes": True, "depth": 16}, "float"),
        ({"size": (32, 32)}, {"planes": True}, "float"),
        ({"then": ("cartoon",)}, {"planes": True}, "float"),
    ],
    ids=str,
)
def test_films_ask_for_planes_on_a_gpu_where_nothing_else_wants_the_picture(
    film: dict[str, Any], sink: dict[str, Any], output: str, G: Generator, cuda: LateCuda
) -> None:
    assert films.engine_for(Film(seeds=(1,), **film), G, "eager", **sink).request.output == output


def test_odd_and_grey_pictures_have_no_planes(cuda: LateCuda) -> None:
    for shape in ({"init_res": (3, 5), "resolution": 4}, {"img_channels": 1}):
        G = tiny(**shape)
        assert films.engine_for(Film(seeds=(1,)), G, "eager", planes=True).request.output == "uint8"


def test_on_processors_films_are_encoded_from_rgb(G: Generator) -> None:
    assert films.engine_for(Film(seeds=(1,)), G, "eager", planes=True).request.output == "uint8"
