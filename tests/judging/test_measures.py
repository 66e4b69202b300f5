"""KID, FID, precision and recall against plain NumPy written from the papers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from latentart import seeds
from latentart.errors import SettingsError
from latentart.judging import measures


def features(seed: int, count: int, shift: float = 0.0) -> torch.Tensor:
    """Fixed features, float64 [count, 12], correlated."""
    random = np.random.RandomState(seed)
    mix = np.random.RandomState(9).randn(12, 12)
    return torch.from_numpy(random.randn(count, 12) @ mix + shift)


def mmd(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimator of arXiv:1801.01401, equation 4, by loops."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return (float(a @ b) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    xx = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return xx + yy - 2 * sum(kernel(a, b) for a in x for b in y) / (n * m)


def test_kid_equals_the_papers_loops() -> None:
    a, b = features(0, 30), features(1, 30, 0.4)
    assert measures.kid(a, b) == pytest.approx(mmd(a.numpy(), b.numpy()), rel=1e-6)


def test_kid_of_subsets_is_their_mean() -> None:
    a, b = features(0, 40), features(1, 35, 0.4)
    random = seeds.stream(3)
    pairs = [(a[random.permutation(40)[:10]], b[random.permutation(35)[:10]]) for _ in range(5)]
    wanted = np.mean([mmd(x.numpy(), y.numpy()) for x, y in pairs])
    assert measures.kid(a, b, subsets=5, size=10, seed=3) == pytest.approx(wanted, rel=1e-6)


def test_fid_equals_the_papers_formula() -> None:
    a, b = features(0, 200), features(1, 180, 0.4)
    x, y = a.numpy(), b.numpy()
    root = scipy.linalg.sqrtm(np.cov(x.T) @ np.cov(y.T)).real
    wanted = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(np.cov(x.T) + np.cov(y.T) - 2 * root)
    assert measures.fid(a, b) == pytest.approx(wanted, rel=1e-6)


def test_nothing_lies_between_a_set_and_itself() -> None:
    a = features(0, 60)
    assert abs(measures.fid(a, a)) < 1e-8
    assert measures.precision_recall(a, a) == (1.0, 1.0)
    assert measures.kid(a, features(1, 60, 2.0)) > measures.kid(a, features(1, 60, 0.2))


def test_precision_falls_for_strangers_and_recall_where_data_is_missing() -> None:
    near, far = features(0, 100), features(1, 100, 500.0)
    assert measures.precision_recall(near, torch.cat([near, far])) == (0.5, 1.0)
    assert measures.precision_recall(torch.cat([near, far]), near) == (1.0, 0.5)


def test_precision_equals_loops_over_the_k_nearest() -> None:
    a, b = features(0, 30), features(1, 25, 1.0)
    distances = np.sort(np.linalg.norm(a[:, None].numpy() - a[None].numpy(), axis=2), axis=1)[:, 3]
    hits = [bool((np.linalg.norm(a.numpy() - y, axis=1) <= distances).any()) for y in b.numpy()]
    assert measures.precision_recall(a, b)[0] == pytest.approx(np.mean(hits))


@pytest.mark.parametrize(
    ("real", "fake", "words"),
    [
        (torch.zeros(1, 4), torch.zeros(9, 4), "1 pictures and 9 samples"),
        (torch.zeros(9, 4), torch.zeros(9, 5), "shapes"),
        (torch.zeros(9, 4), torch.full((9, 4), float("nan")), "NaN"),
    ],
)
def test_features_that_cannot_be_compared(real: torch.Tensor, fake: torch.Tensor, words: str) -> None:
    for measure in (measures.kid, measures.fid, measures.precision_recall):
        with pytest.raises(SettingsError, match=words):
            measure(real, fake)
