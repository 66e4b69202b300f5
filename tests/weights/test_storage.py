"""Tensors on storages: views come out right, and claims are checked first."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentart.errors import RefusedError
from latentart.weights.pickle.inert_pickle import Name
from latentart.weights.pickle.storage import Storage, StoredTensor, load, rebuild, storage


def stored(tensor: torch.Tensor, dtype: str = "<f4") -> Storage:
    flat = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
    found = Storage(dtype, flat.numel())
    found.fill(memoryview(bytes(tensor.untyped_storage())))
    return found


@given(st.permutations([0, 1, 2]), st.integers(0, 2))
def test_any_view_is_read_as_torch_sees_it(order: list[int], start: int) -> None:
    base = torch.arange(60.0).reshape(3, 4, 5)
    view = base.permute(order)[start % base.permute(order).shape[0] :]
    found = rebuild((stored(base), view.storage_offset(), tuple(view.shape), view.stride())).load()
    assert torch.equal(found, view)
    assert found.is_contiguous()


@pytest.mark.parametrize(
    ("name", "dtype", "kept"),
    [
        ("HalfStorage", torch.float16, torch.float32), ("BFloat16Storage", torch.bfloat16, torch.float32),
        ("DoubleStorage", torch.float64, torch.float32), ("LongStorage", torch.int64, torch.int64),
        ("BoolStorage", torch.bool, torch.bool), ("ByteStorage", torch.uint8, torch.uint8),
    ],
)  # fmt: skip
def test_types(name: str, dtype: torch.dtype, kept: torch.dtype) -> None:
    values = torch.tensor([0, 1, 3, 7]).to(dtype)
    found, key = storage(("storage", Name(f"torch.{name}"), "k", "cpu", 4))
    found.fill(memoryview(bytes(values.untyped_storage())))
    assert key == "k"
    assert torch.equal(StoredTensor(found, 0, (4,), (1,)).load(), values.to(kept))


def test_empty_and_zero_dimensional_tensors() -> None:
    one = stored(torch.tensor([5.0]))
    assert rebuild((one, 0, (), ())).load().item() == 5.0
    assert rebuild((one, 0, (0, 3), (3, 1))).load().shape == (0, 3)


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (0, (5,), (1,)), (1, (4,), (1,)), (0, (2,), (4,)), (0, (2, 2), (1,)), (0, (1,) * 9, (1,) * 9),
        (0, (True,), (1,)), (0, (2.0,), (1,)), (0, (5, 1), (0, 0)), (-1, (1,), (1,)), (0, (-1,), (1,)),
    ],
)  # fmt: skip
def test_claims_beyond_the_storage_are_refused(offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> None:
    with pytest.raises(RefusedError, match="a tensor of shape"):
        rebuild((stored(torch.arange(4.0)), offset, shape, stride))


def test_too_few_bytes_are_refused() -> None:
    with pytest.raises(RefusedError, match="claims 16 bytes and has 15"):
        Storage("<f4", 4).fill(memoryview(bytes(15)))


def test_together_they_may_not_exceed_the_file() -> None:
    tensor = rebuild((stored(torch.arange(4.0)), 0, (4,), (1,)))
    assert len(load({"a": tensor, "b": tensor}, 32)) == 2
    with pytest.raises(RefusedError, match="32 bytes together in a file of 31"):
        load({"a": tensor, "b": tensor}, 31)


@pytest.mark.parametrize(
    "identity",
    [
        (), ("module", 1),
        ("storage", "torch.FloatStorage", "0", "cpu", 4), ("storage", Name("os.system"), "0", "cpu", 4),
        ("storage", Name("torch.FloatStorage"), "0", "cpu", -4), ("storage", Name("torch.FloatStorage"), 0, "cpu", 4),
        ("storage", Name("torch.FloatStorage"), "0", "cpu", 4, ("view", 0, 1)),
    ],
)  # fmt: skip
def test_other_persistent_ids_are_refused(identity: tuple[object, ...]) -> None:
    with pytest.raises(RefusedError, match="a storage of a kind"):
        storage(identity)
