"""Bends change what they name, animate, and are exactly nothing at zero."""

import numpy as np
import pytest
import torch

from latentart.errors import SettingsError
from latentart.latent import bend_ops, bending, space
from latentart.render import film as films
from latentart.render.frames import frames


@pytest.fixture(scope="module")
def ws(G):
    return space.to_ws(G, space.z_of(G, [1, 2]), psi=0.7)


def draw(G, ws, *texts, u=(0.0, 0.0)):
    with torch.inference_mode():
        return bending.Bends(G, texts).at(np.array(u))(ws)


EVERY = [*bend_ops.OPS, bending.STYLE]


@pytest.mark.parametrize("op", EVERY)
def test_zero_is_the_picture_bit_for_bit(G, ws, op):
    own = draw(G, ws)
    assert torch.equal(draw(G, ws, f"{op}=0@all", f"{op}=0..0@b8.conv1"), own)
    assert torch.equal(own, G.synthesis(ws))


@pytest.mark.parametrize("op", EVERY)
def test_every_operation_does_something_and_little_for_little(G, ws, op):
    own = draw(G, ws)
    much = (draw(G, ws, f"{op}=0.5@b8.conv1") - own).abs().mean()
    little = (draw(G, ws, f"{op}=0.0001@b8.conv1") - own).abs().mean()
    assert much > 1e-4
    assert little < 0.3 * much


def test_an_amount_is_each_frames_own(G, ws):
    both = draw(G, ws, "rotate=0..90@b8.conv1", u=(0.0, 0.5))
    assert torch.allclose(both[:1], G.synthesis(ws[:1]), atol=1e-4)
    assert not torch.allclose(both[1:], G.synthesis(ws[1:]), atol=1e-2)
    alone = draw(G, ws[1:], "rotate=90@b8.conv1", u=(0.5,))
    assert torch.allclose(both[1:], alone, atol=1e-4)


def test_operations_on_a_small_map():
    x = torch.zeros(1, 1, 4, 4)
    x[..., 1, 2] = 1
    assert torch.allclose(bend_ops.translate_x(x, 0.25), x.roll(1, 3), atol=1e-6)
    assert torch.allclose(bend_ops.translate_y(x, 0.25), x.roll(1, 2), atol=1e-6)
    assert torch.allclose(bend_ops.rotate(x, 90), x.rot90(1, (2, 3)), atol=1e-5)
    assert torch.equal(bend_ops.flip_x(x, 1), x.flip(3))
    assert torch.equal(bend_ops.flip_y(x, 1), x.flip(2))
    assert torch.equal(bend_ops.ablate(x, 1), torch.zeros_like(x))
    assert torch.equal(bend_ops.gain(x, 1), 2 * x)
    assert bend_ops.dilate(x, 0.25).sum() == 9
    assert bend_ops.erode(x, 0.25).sum() == 0
    assert bend_ops.blur(x, 0.1).sum() == pytest.approx(1, abs=0.2)
    assert torch.equal(bend_ops.threshold(x, 0.5), x)
    assert bend_ops.invert(x, 1).argmin() == x.argmax()


def test_rotation_keeps_shapes_in_pictures_that_are_not_square():
    x = torch.zeros(1, 1, 4, 8)
    x[..., 1:3, 3:5] = 1
    # Further out the mirrored border comes into view.
    assert torch.allclose(bend_ops.rotate(x, 90)[..., 2:6], x[..., 2:6], atol=1e-5)


def test_maps_are_chosen_by_number_by_lot_and_by_likeness(G):
    bend = {text: bending.parse(G, f"gain=1@b8.conv1/{text}")[0].maps for text in
            ("3,5-6", "random:0.5", "random:0.5:7", "cluster:1of3", "cluster:2of3", "cluster:3of3")}  # fmt: skip
    count = len(G.synthesis.layers()["b8.conv1"].bias)
    assert bend["3,5-6"].tolist() == [3, 5, 6]
    assert len(bend["random:0.5"]) == count // 2
    assert bend["random:0.5"].tolist() != bend["random:0.5:7"].tolist()
    clusters = torch.cat([bend[f"cluster:{i}of3"] for i in (1, 2, 3)])
    assert sorted(clusters.tolist()) == list(range(count))


def test_only_the_chosen_maps_change(G, ws):
    kept = []
    handle = G.synthesis.b8.conv1.register_forward_hook(lambda m, i, x: kept.append(x.clone()))
    with bending.hooked(G, [("b8.conv1", lambda x: (kept.append(x.clone()), x)[1])]):
        G.synthesis(ws)
    handle.remove()
    assert torch.equal(kept[0], kept[1])
    changed = bending.parse(G, "ablate=1@b8.conv1/2")[0](kept[0], np.ones(2))
    assert not changed[:, 2].any()
    others = [i for i in range(kept[0].shape[1]) if i != 2]
    assert torch.equal(changed[:, others], kept[0][:, others])


def test_a_style_moves_by_its_standard_deviations(G, ws):
    sigmas = bending.style_sigmas(G, "b8.conv1")
    styles = G.synthesis.b8.conv1.affine(space.to_ws(G, space.z_of(G, range(2000)))[:, 2])
    assert sigmas == pytest.approx(styles.std(dim=0).detach().numpy(), rel=0.1)
    unit = bending.parse(G, "style=1@b8.conv1/4")[0].unit
    assert unit[4] == sigmas[4]
    assert unit.count_nonzero() == 1


def test_hooks_are_gone_afterwards(G, ws):
    with pytest.raises(ZeroDivisionError), bending.hooked(G, [("b8.conv1", lambda x: 1 / 0)]):
        G.synthesis(ws)
    assert all(not module._forward_hooks for module in G.synthesis.modules())


@pytest.mark.parametrize(
    "text",
    ["", "rotate=1", "rotate=1@b9.conv1", "spin=1@b8.conv1", "gain=1@b8.conv1/999", "gain=1@b8.conv1/x", "gain=x@all",
     "gain=1@99", "gain=1@b8.conv1/cluster:4of3", "gain=1@b8.conv1/random:2", "style=1@b8.conv1/999"],
)  # fmt: skip
def test_wrong_lines_are_said_in_one_line(G, text):
    with pytest.raises(SettingsError) as said:
        bending.parse(G, text)
    assert "\n" not in str(said.value)


def test_a_toml_file_is_its_lines(tmp_path):
    file = tmp_path / "melt.toml"
    file.write_text('[[bend]]\nop = "rotate"\namount = "0..40..0"\nlayer = "b16.conv1"\nfeatures = "random:0.3"\n'
                    '[[bend]]\nop = "gain"\namount = 0.5\nlayer = "middle"\n')  # fmt: skip
    assert bending.read_toml(file) == ["rotate=0..40..0@b16.conv1/random:0.3", "gain=0.5@middle"]


@pytest.mark.parametrize(
    "text",
    ["", "bend = 3", "[[bend]]\nop = 'gain'", "[[bend]]\nop='x'\namount=1\nlayer='all'", "x[", "[[bend]]\nol='x'"],
)
def test_wrong_files_are_said_in_one_line(tmp_path, text):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(SettingsError) as said:
        bending.read_toml(tmp_path / "a.toml")
    assert "\n" not in str(said.value)
    with pytest.raises(SettingsError):
        bending.read_toml(tmp_path / "none.toml")


def test_a_film_bends_in_any_batch(G):
    film = films.Film(seeds=(1, 2), seconds=1, fps="4", bends=("rotate=0..60@b8.conv1", "blur=0..0.2@b8.conv0/0-3"))
    path = films.make_path(film, G)
    scene = films.make_scene(film, G, path)
    one = list(frames(G, path, scene=scene, batch=1))
    four = list(frames(G, path, scene=scene, batch=4))
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(one, four, strict=True)) <= 1
    assert np.array_equal(one[0], next(frames(G, path)))
    assert not np.array_equal(one[2], list(frames(G, path))[2])
    assert films.Film.from_record(film.record()) == film
    with pytest.raises(SettingsError, match="leave out the engine"):
        frames(G, path, scene=scene, synthesis=G.synthesis)
    with pytest.raises(SettingsError, match="unknown operation"):
        films.check(films.Film(seeds=(1,), bends=("spin=1@all",)))
