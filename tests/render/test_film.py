import numpy as np
import pytest

from latentart import provenance
from latentart.errors import SettingsError, TargetError
from latentart.render import film as films
from latentart.render.film import Film


def quick(**values):
    return Film(**{"seeds": (3, 11), "seconds": 0.5, "fps": "12", **values})


def test_a_film_is_rendered_and_its_record_renders_it_again(G, tmp_path):
    film = quick(walk="orbit", diameter=0.5, mix_seed=4, mix_layers="coarse", size=(32, 24), pace="even")
    made = films.render(film, tmp_path / "a.mp4", G=G)
    assert (made.frames, made.size, made.fps) == (6, (32, 24), 12)
    again, sha256 = films.like(tmp_path / "a.mp4")
    assert (again, sha256) == (film, G.sha256)
    films.render(again, tmp_path / "b.mp4", G=G)
    first, second = (frames_of(tmp_path / name) for name in ("a.mp4", "b.mp4"))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("classes", "seeds"), [("a", (3, 11)), ("a,b,c", (3, 11, 3)), ("a-b", (3, 11)), (None, (3, 11))]
)
def test_seeds_nobody_chose_match_the_classes(G_classes, classes, seeds):
    assert films.matched_seeds(quick(classes=classes), G_classes).seeds == seeds


def frames_of(path):
    import av

    with av.open(path) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_sixteen_bits_come_from_the_float_picture(G, tmp_path):
    import av

    film = quick(walk="orbit", diameter=0.5)
    films.render(film, tmp_path / "deep.mkv", G=G, format="ffv1-16")
    films.render(film, tmp_path / "plain.mkv", G=G, format="ffv1")
    with av.open(tmp_path / "deep.mkv") as container:
        deep = np.stack([frame.to_ndarray(format="rgb48le") for frame in container.decode(video=0)])
    assert len(np.unique(deep)) > 256
    assert np.abs(deep / 257 - frames_of(tmp_path / "plain.mkv")).max() <= 1
    engine = films.engine_for(film, G, "eager", depth=16)
    films.render(film, tmp_path / "drawn.mkv", G=G, format="ffv1-16", synthesis=engine)
    with pytest.raises(SettingsError, match="too late for 16 bits"):
        films.render(film, tmp_path / "x.mkv", G=G, format="ffv1-16", synthesis=films.engine_for(film, G, "eager"))
    assert sorted(p.name for p in tmp_path.glob("*.mkv")) == ["deep.mkv", "drawn.mkv", "plain.mkv"]


def test_a_record_round_trips_through_json_types(G):
    film = quick(size=(64, 32), psi=0.5, interp="slerp", latents=())
    plain = provenance.check(film.record())
    assert Film.from_record(plain) == film


def test_a_record_keeps_no_folders(tmp_path):
    record = quick(network=str(tmp_path / "my.pkl"), latents=(str(tmp_path / "x.npz"),), seeds=()).record()
    assert record["network"] == "my.pkl"
    assert record["latents"] == ["x.npz"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tempo": 3}, "unknown setting 'tempo'"),
        ({"seconds": "4"}, "setting 'seconds' is '4'"),
        ({"seconds": True}, "setting 'seconds' is True"),
        ({"seeds": 3}, "setting 'seeds' is 3"),
        ({"network": None}, "setting 'network' is None"),
        *(
            ({name: value}, f"setting '{name}' is ")
            for name, value in [
                ("edits", [5]),
                ("edits", [["a"]]),
                ("edits", [None]),
                ("edits", [{}]),
                ("latents", [3]),
                ("then", [1]),
                ("seeds", ["a"]),
                ("seeds", [1.5]),
                ("seeds", [True]),
                ("tiles", [1]),
                ("tiles", [1, "2"]),
                ("size", [1, 2, 3]),
                ("bends", [0]),
                ("truncate", [[]]),
            ]
        ),
    ],
)
def test_a_record_of_the_wrong_kind_is_quoted(values, message):
    with pytest.raises(SettingsError, match=message):
        Film.from_record(values)


@pytest.mark.parametrize(
    "bad",
    [
        {"walk": "orbt"},
        {"pace": "fast"},
        {"seconds": 0.0},
        {"fps": "0"},
        {"psi": float("nan")},
        {"noise_mode": "loud"},
        {"size": (0, 10)},
        {"fit": "squash"},
        {"diameter": 2.0},
        {"walk": "orbit", "interp": "cubic"},
        {"walk": "drift", "latents": ("x.npz",), "seeds": ()},
        {"latents": ("missing.npz",), "seeds": ()},
        {"mix_seed": 1, "mix_layers": "loud"},
        {"classes": "a"},
        {"seeds": ()},
    ],
)
def test_bad_settings_leave_nothing(bad, G, tmp_path):
    from latentart.errors import LatentartError

    with pytest.raises(LatentartError) as caught:
        films.render(quick(**bad), tmp_path / "film.mp4", G=G)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_odd_size_is_refused_before_rendering(G, tmp_path):
    with pytest.raises((SettingsError, TargetError), match="even"):
        films.render(quick(size=(31, 20)), tmp_path / "film.mp4", G=G)
    assert not list(tmp_path.iterdir())


def test_style_mixing_lays_one_seed_over_the_walk(G):
    plain, mixed = (films.make_path(quick(mix_seed=seed, mix_layers="0-1"), G) for seed in (None, 9))
    assert not np.allclose(plain(0.3)[:, :2], mixed(0.3)[:, :2])
    assert np.allclose(plain(0.3)[:, 2:], mixed(0.3)[:, 2:])
    assert np.allclose(mixed(0.3)[:, 0], mixed(0.7)[:, 0])


def test_another_checkpoint_than_the_record_names_is_refused(G):
    films.check_same(G, G.sha256)
    films.check_same(G, "")
    with pytest.raises(SettingsError, match="name the right file with --network"):
        films.check_same(G, "f" * 64)


def test_a_picture_is_no_film(tmp_path, G):
    from latentart.sinks.images import write_image

    write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8), settings=provenance.record(stills={}))
    with pytest.raises(SettingsError, match="was not made by 'latentart film'"):
        films.like(tmp_path / "a.png")


def test_an_interrupted_film_is_kept_and_said(G, tmp_path):
    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="holds 3 of 6 frames"):
        films.render(quick(), tmp_path / "film.mp4", G=G, on_frame=stop)
    assert len(frames_of(tmp_path / "film.mp4")) == 3
    assert provenance.read(tmp_path / "film.mp4")["interrupted"] is True
