"""A translator behind an engine draws what it drew before."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from latentart.engine import translators
from latentart.engine.routes import openvino
from latentart.engine.translators import Compiled, compile_translator
from latentart.translators.base import Translator
from latentart.translators.load import load_translator


def picture(height: int = 24, width: int = 40) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTART_CACHE", str(tmp_path))


@pytest.mark.parametrize(("height", "width"), [(24, 40), (17, 23)])
def test_it_draws_the_same_pictures_at_any_size(height: int, width: int) -> None:
    T = load_translator("mosaic26", "cpu")
    fast = compile_translator(T)
    assert isinstance(fast, Compiled)
    style = torch.eye(26)[3]
    with torch.inference_mode():
        made, wanted = (X.translate(picture(height, width), 0.7, style=style) for X in (fast, T))
        default = fast.translate(picture(height, width))
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(default, T.translate(picture(height, width)), rtol=1e-4, atol=1e-4)


def test_a_wrong_graph_is_not_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    T = load_translator("mosaic26", "cpu")
    monkeypatch.setattr(translators, "_runner", lambda compiled: lambda img, style: torch.zeros_like(img))
    with torch.inference_mode():
        made = compile_translator(T).translate(picture())
        torch.testing.assert_close(made, T.translate(picture()))
    said = "mosaic26 is drawn by plain PyTorch, which is slower: openvino f32 has a relative error of 1.0e+00"
    assert said in caplog.text


def test_only_so_many_sizes_are_kept() -> None:
    fast = compile_translator(load_translator("mosaic26", "cpu"))
    with torch.inference_mode():
        for side in range(16, 16 + 8 * (translators.MOST_SIZES + 2), 8):
            fast.translate(picture(side, 16))
    assert isinstance(fast, Compiled)
    assert len(fast._graphs) == translators.MOST_SIZES


class Feature(Translator):
    """Blends inside."""

    strength_by = "features"

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, img: Tensor, *, style: Tensor | None = None, strength: float = 1.0) -> Tensor:
        return img * (1 + strength * (self.weight - 1))


def test_a_strength_inside_the_network_still_works() -> None:
    fast = compile_translator(Feature())
    img = picture() * 0.4
    with torch.inference_mode():
        torch.testing.assert_close(fast.translate(img, 0.5), img * 1.5)
        torch.testing.assert_close(fast.translate(img), img * 2)


def test_a_strength_inside_the_network_is_an_input_of_its_graph() -> None:
    T = load_translator("magenta", "cpu")
    style = torch.randn(T.style_dim, generator=torch.Generator().manual_seed(0)) * 0.1
    fast, img = compile_translator(T), picture(264, 280)
    with torch.inference_mode():
        wanted = [T.translate(img, strength, style=style) for strength in (0.3, 0.8)]
        fast.translate(img, 0.5, style=style)
        fast.plain = None
        made = [fast.translate(img, strength, style=style) for strength in (0.3, 0.8)]
    for ours, theirs in zip(made, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
    assert not torch.allclose(*made, atol=0.01)


def test_without_openvino_the_network_draws_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translators, "find_spec", lambda name: None)
    T = Feature()
    assert compile_translator(T) is T
    assert openvino.F32 in translators.TOLERANCE
