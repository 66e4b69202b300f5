"""The reader of pickles as documents agrees with Python's own on plain data and calls nothing."""

from __future__ import annotations

import pickle
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentart.errors import RefusedError, WeightsError
from latentart.weights.pickle.inert_pickle import LARGEST_TEXT, Budget, Name, Record, Table, inert, read

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(-5, 5), inner, max_size=4)
    ),
    max_leaves=20,
)


def load(content: bytes, table: Table | None = None, budget: Budget | None = None) -> object:
    return read(memoryview(content), 0, table or {}, budget or Budget())[0]


@given(plain, st.sampled_from([2, 3, 4, 5]))
def test_plain_data_comes_back(value: object, protocol: int) -> None:
    assert load(pickle.dumps(value, protocol)) == value


def test_the_end_is_where_the_pickle_ends() -> None:
    content = pickle.dumps([1, 2])
    assert read(memoryview(content + b"rest"), 0, {}, Budget()) == ([1, 2], len(content))


def test_bytes_and_long_text_are_windows() -> None:
    content = pickle.dumps((b"abc", "x" * (LARGEST_TEXT + 1)))
    short, long = load(content)  # type: ignore[misc]
    assert isinstance(short, memoryview)
    assert isinstance(long, memoryview)
    assert (bytes(short), len(long)) == (b"abc", LARGEST_TEXT + 1)


def test_sets_become_lists() -> None:
    assert sorted(load(pickle.dumps({1, 2, 3}, 4))) == [1, 2, 3]  # type: ignore[type-var,arg-type]


def test_a_name_in_the_table_is_our_function() -> None:
    content = pickle.dumps(OrderedDict(a=1))
    assert load(content, {"collections.OrderedDict": lambda args: {}}) == {"a": 1}
    assert load(b"\x80\x02ccollections\nOrderedDict\n.", {"collections.OrderedDict": None}) == Name(
        "collections.OrderedDict"
    )


def test_records_keep_arguments_and_state() -> None:
    found = load(pickle.dumps(ValueError("x")), {"builtins.ValueError": inert("error")})
    assert found == Record("error", ("x",), {})


def test_modules_of_torch_are_records() -> None:
    torch = pytest.importorskip("torch")
    found = load(
        pickle.dumps(torch.nn.ReLU()), {"collections.OrderedDict": lambda args: {}, "builtins.set": inert("s")}
    )
    assert isinstance(found, Record)
    assert found.name == "torch.nn.modules.activation.ReLU"
    assert found.state["inplace"] is False


def test_other_names_are_refused() -> None:
    with pytest.raises(RefusedError, match=r"'collections.OrderedDict', which no checkpoint needs"):
        load(pickle.dumps(OrderedDict()))


DOCUMENT = {"a": [1.5, "x", -7, True, False, None, 2**70, (), (1,), (1, 2, 3, 4)], 5: {"é\N{SNOWMAN}\n'": []}, "b": {}}


@pytest.mark.parametrize("protocol", range(6))
def test_documents_of_every_protocol_are_read(protocol: int) -> None:
    assert load(pickle.dumps(DOCUMENT, protocol)) == DOCUMENT


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"U\x03abc.", "abc"),
        (b"T\x03\0\0\0a\xffc.", "a\xffc"),
        (b"S'it\\'s \\x41\\n'\n.", "it's A\n"),
        (b'S"x"\n.', "x"),
        (b"V\\u2603\n.", "\N{SNOWMAN}"),
        (b"I01\n.", True),
        (b"I-12\n.", -12),
        (b"L99999999999999999999L\n.", 99999999999999999999),
        (b"F-1e3\n.", -1000.0),
        (b"\x8b\x02\0\0\0\xff\xff.", -1),
        (b"(I1\nI2\nl.", [1, 2]),
        (b"(S'a'\nI2\nd.", {"a": 2}),
        (b"I1\n2\x86.", (1, 1)),
        (b"I1\nI2\n0.", 1),
        (b"I1\n(0.", 1),
        (b"I1\n(I2\nI3\n1.", 1),
        (b"(lp7\ng7\nI1\na.", [1]),
    ],
)
def test_instructions_of_old_protocols(content: bytes, value: object) -> None:
    """The last one is a list, put into the memo, fetched from it and appended to."""
    assert load(content) == value


@pytest.mark.parametrize("content", [b"(imodule\nKind\nI1\nb.", b"(cmodule\nKind\nI5\no."])
def test_old_instances_are_records_of_the_table_only(content: bytes) -> None:
    with pytest.raises(RefusedError, match=r"'module.Kind', which no checkpoint needs"):
        load(content)
    assert load(content, {"module.Kind": inert("kind")}).name == "kind"


def test_budgets_are_shared_and_spent() -> None:
    content = pickle.dumps(list(range(100)))
    budget = Budget(instructions=250)
    load(content, budget=budget)
    load(content, budget=budget)
    with pytest.raises(RefusedError, match="more pickle instructions"):
        load(content, budget=budget)
    with pytest.raises(RefusedError, match="more text"):
        load(pickle.dumps(["abcdef", "ghijkl"]), budget=Budget(text=10))


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04", b"\x80\x04h\x05.", b"\x80\x04t.", b"\x80\x04(N0.", b"\x80\x04(a."]
)
def test_broken_pickles_are_one_line(content: bytes) -> None:
    with pytest.raises(WeightsError):
        load(content)
