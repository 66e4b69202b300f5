"""Directions: found as published, in files that cannot be harmful, and applied where they were asked for."""

import json
import zipfile

import numpy as np
import pytest
import safetensors.numpy
import torch

from latentart.errors import SettingsError, WeightsError
from latentart.latent import direction_files, directions, space
from latentart.latent.axes import pca, sefa
from latentart.latent.directions import Direction, Directions
from latentart.render import film, stills

W = 16


def vector(seed=0, *shape):
    return np.random.RandomState(seed).randn(*(shape or (W,)))


def test_pca_is_the_subspace_that_numpy_finds(G):
    found = directions.pca(G, count=4, samples=5000, seed=3)
    ws = torch.cat(list(pca.ws_stream(G, 5000, seed=3))).double().numpy()
    _, sizes, axes = np.linalg.svd(ws - ws.mean(axis=0), full_matrices=False)
    units = np.stack([d.vector for d in found])
    lengths = np.linalg.norm(units, axis=1)
    assert lengths == pytest.approx(sizes[:4] / np.sqrt(4999), rel=1e-4)
    cosines = np.linalg.svd(units / lengths[:, None] @ axes[:4].T)[1]
    assert np.sqrt(1 - np.minimum(cosines.min(), 1) ** 2) < 1e-3
    assert [d.name for d in found] == ["pca:1", "pca:2", "pca:3", "pca:4"]


def test_pca_streams_in_batches(G):
    whole = pca.moments(G, 3000)[1]
    parts = sum(len(part) for part in pca.ws_stream(G, 3000, batch=700))
    assert parts == 3000
    assert np.allclose(whole, whole.T)


def test_pca_of_a_layer_moves_that_layer_more_than_chance(G):
    found = directions.pca(G, count=2, samples=300, layer="b8.conv1")
    assert found.items[0].name == "act:b8.conv1:1"
    moved, chance = (_moved(G, "b8.conv1", v) for v in (found.items[0].vector, _chance(found.items[0].vector)))
    assert moved > chance


def _chance(like):
    other = vector(9)
    return other / np.linalg.norm(other) * np.linalg.norm(like)


def _moved(G, layer, push):
    kept = []
    handle = G.synthesis.get_submodule(layer).register_forward_hook(lambda m, i, x: kept.append(x.clone()))
    with torch.inference_mode():
        ws = space.to_ws(G, space.z_of(G, range(8)))
        G.synthesis(ws, noise_mode="none")
        G.synthesis(ws + torch.from_numpy(push).float(), noise_mode="none")
    handle.remove()
    return float((kept[1] - kept[0]).norm())


def test_sefa_solves_the_published_eigenproblem(G):
    matrix = sefa.affines(G, "middle")
    axes = sefa.axes(matrix, 5)
    products = matrix.T @ matrix
    for axis in axes:
        value = axis @ products @ axis
        assert np.linalg.norm(products @ axis - value * axis) <= 1e-5 * value
    values = [axis @ products @ axis for axis in axes]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(np.linalg.eigvalsh(products).max())


def test_sefa_reads_the_layers_it_names(G):
    shapes = {layers: len(sefa.affines(G, layers)) for layers in ("0", "1-2", "all")}
    convs = [layer.affine.weight.shape[0] for layer in G.synthesis.layers().values()]
    assert shapes == {"0": convs[0], "1-2": convs[1] + convs[2], "all": sum(convs)}
    assert {d.layers for d in directions.sefa(G, count=2, layers="1-2")} == {"1-2"}


def test_an_edit_adds_its_amount_in_its_rows(G):
    book = Directions([Direction("dusk", vector(), source="pca:1"), Direction("mist", vector(1), "middle")])
    ws = torch.zeros(2, G.num_ws, W)
    pushed = directions.edit(G, book, ["dusk=0..2@0,2", "mist=1"])(ws, np.array([0.0, 0.5]))
    middle = space.rows(G.num_ws, "middle")
    wanted = np.zeros((2, G.num_ws, W))
    wanted[1, [0, 2]] = 2 * vector()
    wanted[:, middle] += vector(1)
    assert np.allclose(pushed.numpy(), wanted, atol=1e-6)
    assert book["pca:1"] is book["dusk"]


def test_names_of_a_method_work_without_a_file(G):
    found = directions.named(G, Directions([]), "sefa:middle:2")
    assert np.array_equal(found.vector, directions.sefa(G, count=2, layers="middle").items[1].vector)
    with pytest.raises(SettingsError, match=r"unknown direction 'dask'.*did you mean dusk"):
        directions.named(G, Directions([Direction("dusk", vector())]), "dask")


def test_a_curve_leaves_zero_alone_and_goes_straight_on():
    d = Direction("a", vector(), curve=(-3, -2.5, -1, 0, 0.5, 2, 4))
    assert d.far(np.array([-3, 0, 0.5, 2, 3, 4, -4.0])).tolist() == [-3, 0, 0.25, 2, 4, 6, -3.5]
    turned = d.turned()
    amounts = np.linspace(-4, 4, 17)
    assert np.allclose(turned.far(amounts)[:, None] * turned.vector, d.far(-amounts)[:, None] * d.vector)


def test_orthogonal_directions_share_nothing(G):
    others = [Direction("b", vector(1), "coarse"), Direction("c", vector(2, G.num_ws, W))]
    rest = directions.orthogonal(Direction("a", vector()), others, G.num_ws)
    for other in others:
        assert np.vdot(rest.rows(G.num_ws), other.rows(G.num_ws)) == pytest.approx(0, abs=1e-9)
    with pytest.raises(SettingsError, match="nothing remains"):
        directions.orthogonal(others[1], others, G.num_ws)


def test_between_leads_from_mean_to_mean(G):
    plain, smiling = vector(0, 3, G.num_ws, W), vector(1, 5, G.num_ws, W)
    found = directions.between("smile", plain, smiling)
    assert np.allclose(plain.mean(axis=0) + found.rows(G.num_ws), smiling.mean(axis=0))
    with pytest.raises(SettingsError, match="two sets"):
        directions.between("smile", plain, smiling[0])


def test_renaming_keeps_the_old_name_as_source():
    book = Directions([Direction("pca:1", vector(), source="pca:1"), Direction("pca:2", vector(1), source="pca:2")])
    renamed = book.renamed({"pca:1": "dusk"})
    assert (renamed["pca:1"].name, len(renamed)) == ("dusk", 2)
    for names in ({"pca:9": "x"}, {"pca:1": "a b"}, {"pca:1": "pca:2"}, {"pca:1": ""}):
        with pytest.raises(SettingsError):
            book.renamed(names)


def test_a_file_gives_back_what_was_written(tmp_path, G):
    kept = Direction("dusk", vector().astype(np.float32).astype(np.float64), "middle", (-3, -2, -1, 0, 1, 2, 3),
                     "pca:1", 0.05, 0.7, "warmer", "sun low")  # fmt: skip
    other = Direction("w+", vector(1, G.num_ws, W).astype(np.float32).astype(np.float64))
    book = Directions([kept, other], network="tiny", sha256="ab", step=0.05)
    again = direction_files.read(direction_files.write(tmp_path / "a.safetensors", book), G.num_ws, W)
    assert (again.network, again.sha256, again.step) == ("tiny", "ab", 0.05)
    for a, b in zip(book, again, strict=True):
        assert np.array_equal(a.vector, b.vector)
        assert {**vars(a), "vector": 0} == {**vars(b), "vector": 0}


def test_other_tools_files(tmp_path, G):
    np.save(tmp_path / "smile.npy", vector())
    np.save(tmp_path / "plus.npy", vector(1, G.num_ws, W).astype(np.float32))
    np.save(tmp_path / "many.npy", vector(2, 3, 1, W))
    np.savez(tmp_path / "g.npz", lat_comp=np.eye(W)[:2, None], lat_mean=vector(), lat_stdev=np.array([2.0, 1.0]))
    torch.save({"ckpt": "x.pt", "eigvec": torch.arange(W * W).reshape(W, W).float()}, tmp_path / "factor.pt")
    read = {name: direction_files.read(tmp_path / name, G.num_ws, W).items for name in
            ("smile.npy", "plus.npy", "many.npy", "g.npz", "factor.pt")}  # fmt: skip
    assert [d.name for d in read["many.npy"]] == ["many:1", "many:2", "many:3"]
    assert np.array_equal(read["smile.npy"][0].vector, vector())
    assert read["plus.npy"][0].vector.shape == (G.num_ws, W)
    assert np.array_equal(read["g.npz"][0].vector, 2 * np.eye(W)[0])
    assert len(read["factor.pt"]) == W
    # Columns of eigvec are the directions.
    assert read["factor.pt"][1].vector.tolist() == [i * W + 1 for i in range(W)]


def _ours(**facts):
    fact = {"name": "a", "layers": "all", **facts}
    return safetensors.numpy.save(
        {"0000": vector().astype(np.float32)}, {direction_files.KEY: json.dumps({"directions": [fact]})}
    )


HOSTILE = {
    "empty": b"",
    "noise": bytes(range(256)),
    "json.safetensors": safetensors.numpy.save({"0": vector()}, {direction_files.KEY: "[" * 5000}),
    "plain.safetensors": safetensors.numpy.save({"0": vector()}),
    "count.safetensors": safetensors.numpy.save({"0": vector()}, {direction_files.KEY: '{"directions": []}'}),
    "width.safetensors": _ours().replace(b"[16]", b"[ 9]"),
    "name.safetensors": _ours(name=3),
    "layers.safetensors": _ours(layers="0-999"),
    "effect.safetensors": _ours(effect="big"),
    "curve.safetensors": _ours(curve=[1, 2]),
    "falling.safetensors": _ours(curve=[3, 2, 1, 0, -1, -2, -3]),
    "text.safetensors": _ours(curve="1234567"),
    "objects.npy": b"",
    "pickle.pt": b"\x80\x04cos\nsystem\n(S'echo harm'\ntR.",
    "nan.npy": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_one_line(tmp_path, G, name):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    if name == "objects.npy":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    if name == "nan.npy":
        np.save(path, np.full(W, np.nan))
    with pytest.raises(WeightsError) as said:
        direction_files.read(path, G.num_ws, W)
    assert "\n" not in str(said.value)
    assert name in str(said.value)


def test_a_zip_of_something_else(tmp_path, G):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("w.txt", "x")
    with pytest.raises(WeightsError, match="neither 'lat_comp'"):
        direction_files.read(tmp_path / "a.npz", G.num_ws, W)
    with pytest.raises(WeightsError, match="No such file"):
        direction_files.read(tmp_path / "missing.npy", G.num_ws, W)


def test_films_and_stills_take_edits(tmp_path, G):
    file = direction_files.write(tmp_path / "d.safetensors", Directions([Direction("dusk", vector())]))
    plain = film.Film(seeds=(1, 2), seconds=1, fps="8")
    edited = film.Film(seeds=(1, 2), seconds=1, fps="8", edits=("dusk=0..2..0",), directions=str(file))
    u = np.array([0.0, 0.5])
    moved = film.make_path(edited, G)(u) - film.make_path(plain, G)(u)
    assert np.allclose(moved[1, 0].numpy(), 2 * vector(), atol=1e-5)
    assert float(moved[0].abs().max()) == 0
    assert film.Film.from_record(edited.record()).edits == edited.edits
    still = stills.Stills(seeds=(1,), edits=("dusk=2",), directions=str(file))
    _, frame, record = next(stills.pictures(G, still))
    assert record["stills"]["edits"] == ["dusk=2"]
    assert not np.array_equal(frame, next(stills.pictures(G, stills.Stills(seeds=(1,))))[1])
    with pytest.raises(SettingsError, match="takes one amount"):
        next(stills.pictures(G, stills.Stills(seeds=(1,), edits=("dusk=0..2",), directions=str(file))))
    with pytest.raises(SettingsError, match="cannot read"):
        film.check(film.Film(seeds=(1,), edits=("dusk",)))
