import numpy as np
import pytest
import torch

from latentart.errors import SettingsError
from latentart.latent import space


def test_classes_are_read_as_names_numbers_ranges_and_mixes(G_classes):
    read = lambda text: [dict(mix) for mix in space.parse_classes(G_classes, text)]  # noqa: E731
    assert read("b") == [{1: 1.0}]
    assert read("3,0") == [{3: 1.0}, {0: 1.0}]
    assert read("a-c") == [{0: 1.0}, {1: 1.0}, {2: 1.0}]
    assert read("d-c") == [{3: 1.0}, {2: 1.0}]
    assert read("a:0.25+b:0.75,c") == [{0: 0.25, 1: 0.75}, {2: 1.0}]


@pytest.mark.parametrize("text", ["e", "4", "-1", "a:x", "a:-1", "a:0", "a:inf", "a:nan", "", "a,,b"])
def test_a_class_that_is_not_there_is_quoted(G_classes, text):
    with pytest.raises(SettingsError):
        space.parse_classes(G_classes, text)


def test_a_mix_sums_to_one(G_classes):
    assert space.c_of(G_classes, [{0: 3.0, 2: 1.0}]).tolist() == [[0.75, 0, 0.25, 0]]


def test_a_class_for_a_model_without_and_none_for_a_model_with(G, G_classes):
    with pytest.raises(SettingsError, match="tiny has no classes"):
        space.c_of(G, [{0: 1.0}])
    with pytest.raises(SettingsError, match="letters has 4 classes: choose with --class"):
        space.c_of(G_classes, [])


def test_psi_zero_is_the_average_and_cutoff_spares_the_rest(G):
    z = space.z_of(G, [5])
    assert torch.allclose(space.to_ws(G, z, psi=0), G.w_avg.expand(1, G.num_ws, -1))
    cut = space.to_ws(G, z, psi=0, cutoff=2)
    assert torch.allclose(cut[:, :2], G.w_avg.expand(1, 2, -1))
    assert torch.allclose(cut[:, 2:], space.to_ws(G, z)[:, 2:])


@pytest.mark.parametrize("psi", [float("nan"), float("inf"), "0.5", None])
def test_psi_that_is_no_number_is_quoted(G, psi):
    with pytest.raises(SettingsError, match="not a number"):
        space.to_ws(G, space.z_of(G, [1]), psi=psi)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [("coarse", [0, 1, 2, 3]), ("middle", [4, 5]), ("fine", []), ("all", [0, 1, 2, 3, 4, 5]), ("0-1,5", [0, 1, 5])],
)
def test_layers_by_name_and_number(layers, expected):
    assert space.rows(6, layers) == expected


@pytest.mark.parametrize("layers", ["coars", "6", "0-9", "x"])
def test_layers_that_are_not_there_are_quoted(layers):
    with pytest.raises(SettingsError):
        space.rows(6, layers)


def test_style_mixing_takes_the_chosen_rows_only(G):
    ws = space.to_ws(G, space.z_of(G, [1, 2]))
    other = space.to_ws(G, space.z_of(G, [3]))
    mixed = space.mix_styles(ws, other, [0, 4])
    assert torch.equal(mixed[:, [0, 4]], other[:, [0, 4]].expand(2, -1, -1))
    assert torch.equal(mixed[:, [1, 2, 3, 5]], ws[:, [1, 2, 3, 5]])


def test_no_seeds_is_an_error(G):
    with pytest.raises(SettingsError, match="no seeds"):
        space.z_of(G, [])


def test_z_of_is_one_row_for_each_seed(G):
    assert np.array_equal(space.z_of(G, [4, 9])[1], np.random.RandomState(9).randn(G.z_dim))


@pytest.mark.parametrize("cutoff", [-1, 99, True, 2.5])
def test_a_cutoff_that_no_model_has_is_refused(G, cutoff):
    with pytest.raises(SettingsError, match=r"truncation cutoff .* out of range: give 1 to \d+"):
        space.to_ws(G, space.z_of(G, [1]), psi=0.5, cutoff=cutoff)


def test_a_cutoff_of_nought_is_all_rows(G):
    z = space.z_of(G, [1])
    wanted = space.to_ws(G, z, psi=0.5)
    for cutoff in (0, None, G.num_ws):
        assert torch.equal(space.to_ws(G, z, psi=0.5, cutoff=cutoff), wanted)
