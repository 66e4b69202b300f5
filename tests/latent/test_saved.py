import numpy as np
import pytest

from latentart.errors import WeightsError
from latentart.latent import saved

RNG = np.random.RandomState(0)
WS = RNG.randn(2, 6, 16).astype(np.float32)


def test_npz_and_npy_in_every_shape_that_tools_write(tmp_path):
    np.savez(tmp_path / "a.npz", w=WS)
    np.save(tmp_path / "b.npy", WS[0])
    np.save(tmp_path / "c.npy", WS[0, 0])
    np.save(tmp_path / "d.npy", WS[:, :1])
    assert np.allclose(saved.read(tmp_path / "a.npz", 6, 16), WS)
    assert np.allclose(saved.read(tmp_path / "b.npy", 6, 16), WS[:1])
    assert np.allclose(saved.read(tmp_path / "c.npy", 6, 16), np.repeat(WS[:1, :1], 6, axis=1))
    assert saved.read(tmp_path / "d.npy", 6, 16).shape == (2, 6, 16)
    assert saved.read_all([tmp_path], 6, 16).shape == (6, 6, 16)


def _other(path):
    path.write_text("hello")


def _pickled(path):
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def _nan(path):
    np.save(path, np.full((1, 6, 16), np.nan))


def _whole(path):
    np.save(path, np.ones((1, 6, 16), dtype=int))


def _narrow(path):
    np.save(path, np.ones((1, 6, 8)))


def _bomb(path):
    with path.open("wb") as out:
        np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 16)})


@pytest.mark.parametrize("write", [_other, _pickled, _nan, _whole, _narrow, _bomb])
def test_a_file_without_latents_gets_one_line(tmp_path, write):
    path = tmp_path / "bad.npy"
    write(path)
    with pytest.raises(WeightsError, match=r"bad\.npy") as caught:
        saved.read(path, 6, 16)
    assert "\n" not in str(caught.value)


def test_an_archive_without_w_says_what_it_holds(tmp_path):
    np.savez(tmp_path / "other.npz", weights=WS)
    with pytest.raises(WeightsError, match="only weights"):
        saved.read(tmp_path / "other.npz", 6, 16)


def test_a_missing_file_and_an_empty_folder(tmp_path):
    with pytest.raises(WeightsError, match="No such file"):
        saved.read_all([tmp_path / "none.npz"], 6, 16)
    with pytest.raises(WeightsError, match="holds no"):
        saved.read_all([tmp_path], 6, 16)
