"""How exactly a GPU convolves in float32, and how long cuDNN searches: PyTorch's switches, set for a block.

The switches are the process's, not the thread's: what other threads draw meanwhile obeys them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

IEEE, TF32 = "ieee", "tf32"


def exact() -> AbstractContextManager[None]:
    """Convolutions in float32 are that: by default PyTorch lets cuDNN round to TF32, whose ten bits are those of half.

    Matrix products are exact by default, and left as they are.
    """
    return _convolving(IEEE)


def rounded() -> AbstractContextManager[None]:
    """Convolutions in float32 round what they read to TF32, also inside of `exact`."""
    return _convolving(TF32)


def is_exact() -> bool:
    """Whether this is inside of `exact`."""
    return bool(torch.backends.cudnn.conv.fp32_precision == IEEE)  # type: ignore[attr-defined]


@contextmanager
def _convolving(precision: str) -> Iterator[None]:
    conv = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    before = conv.fp32_precision
    try:
        conv.fp32_precision = precision
        yield
    finally:
        conv.fp32_precision = before


@contextmanager
def searching() -> Iterator[None]:
    """cuDNN tries its algorithms for each new shape and keeps the fastest, for the life of the process."""
    before = torch.backends.cudnn.benchmark
    try:
        torch.backends.cudnn.benchmark = True
        yield
    finally:
        torch.backends.cudnn.benchmark = before
