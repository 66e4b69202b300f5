"""Formats are known by their bytes; what is none is described; broken files never end in a traceback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from layouts.nvidia import write_nvidia_pickle
from layouts.random_stylegan2 import random_state
from layouts.rosinality import write_rosinality

from latentart.errors import LatentartError, WeightsError
from latentart.weights import safe, sniff
from latentart.weights.checkpoint import Checkpoint
from latentart.weights.open import formats, open_checkpoint


def write(path: Path, kind: str) -> None:
    """One small file of each kind."""
    tensors, config = random_state(resolution=8, z_dim=4, w_dim=4, widths={4: 2, 8: 2})
    if kind == "nvidia-pickle":
        write_nvidia_pickle(path, tensors, config, keys=("G_ema",))
    elif kind.startswith("rosinality"):
        write_rosinality(path, tensors, training=True, legacy=kind.endswith("legacy"))
    elif kind == "torch-state":
        torch.save(tensors, path)
    else:
        safe.write(path, Checkpoint(tensors, config, "", "test"))


KINDS = ["nvidia-pickle", "rosinality", "rosinality legacy", "torch-state", "safetensors"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["model", "model.png", "model.pkl", "model.safetensors"])
def test_the_extension_does_not_matter(tmp_path: Path, kind: str, name: str) -> None:
    write(tmp_path / name, kind)
    found = open_checkpoint(str(tmp_path / name))
    assert found.source == kind.split()[0]
    assert found.name == "model"
    assert len(found.sha256) == 64


def test_every_format_is_listed_once() -> None:
    assert [f.SOURCE for f in formats()] == [
        "folder",
        "ml5 folder",
        "npz",
        "nvidia-pickle",
        "pict",
        "safetensors",
        "tensorflow-pickle",
        "tfjs model",
        "torch",
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.99])
def test_a_download_cut_short_is_said(tmp_path: Path, kind: str, part: float) -> None:
    write(tmp_path / "whole", kind)
    content = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(content[: int(len(content) * part)])
    with pytest.raises(WeightsError):
        open_checkpoint(tmp_path / "cut")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_end_in_one_line_or_are_read(tmp_path: Path, kind: str) -> None:
    """Two hundred files with a few random bytes changed: never another error, never a hang."""
    write(tmp_path / "whole", kind)
    content = (tmp_path / "whole").read_bytes()
    chance = random.Random(kind)
    messages = []
    for _ in range(200):
        damaged = bytearray(content)
        for _ in range(chance.choice([1, 3, 20])):
            damaged[chance.randrange(chance.choice([len(damaged), min(3000, len(damaged))]))] = chance.randrange(256)
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            open_checkpoint(tmp_path / "damaged")
        except LatentartError as error:
            messages.append(str(error))
    assert len(messages) > 50
    assert not any("\n" in message for message in messages)


def test_a_file_named_like_nothing_known_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare word can be a file in the current folder; a card of that name comes first."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "model", "safetensors")
    assert open_checkpoint("model").name == "model"
    (tmp_path / "glyphs-64").write_bytes(b"not this one")
    assert open_checkpoint("glyphs-64").config["c_dim"] == 62


def test_unknown_words_suggest_names() -> None:
    with pytest.raises(WeightsError, match=r"did you mean landscapes-256.*there is no such file"):
        open_checkpoint("landscapes-265")


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "an empty file"),
        (b"\xff\xd8\xff\xe0", "a picture"),
        (b"RIFF\x10\0\0\0WEBPVP8", "a picture"),
        (b"\0\0\0\x20ftypisom", "a film"),
        (b"  <html>", "a web page"),
        (b"PK\x03\x04", "a zip"),
        (b"BZh91AY", "a compressed archive"),
        (b"\x93NUMPY\x01", "a numpy array"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"GGUF\x03", "a GGUF language model"),
        (b"\x7fELF\x02", "a program"),
        (b"\x80\x02\x8a\x0a", "a torch file of no known family"),
        (b'{"a": 1}', "text"),
        (b"\x1c\0\0\0TFL3\x14\0", "a TensorFlow Lite model"),
        (b"\x08\x01\x12\xd0\x8a\x01\n\xa1\x07", "a SavedModel of TensorFlow"),
        (b"\n\x3b\n\x11generator/Const_1\x12\x05Const", "a frozen graph of TensorFlow"),
        (b"\n\xb1\x01\n\x05input\x12\x0bPlaceholder", "a frozen graph of TensorFlow"),
        (b"\n\x240b4e9d5c-6a1b-4c2d-8e3f-123456789abc\x12\x05model", "a model of Keras.js"),
        (b"\x08\x07\x12\x07pytorch\x1a\x032.0", "an ONNX model"),
        (b"\x08\x08:\xd6\x9c\x01\n", "an ONNX model"),
        (b"\x08\x04\x12\x09skl2model", "an ONNX model"),
        (b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1", "a file of Lua Torch"),
        (b"\x01\x02\x03\xff", "unknown bytes (01 02 03 ff ...)"),
    ],
)
def test_other_files_are_described(head: bytes, words: str) -> None:
    assert sniff.describe(head).startswith(words)


def test_a_folder_that_is_no_network_names_the_files_in_it(tmp_path: Path) -> None:
    (tmp_path / "network.safetensors").write_bytes(b"x")
    (tmp_path / "notes.txt").write_bytes(b"x")
    with pytest.raises(
        WeightsError, match=r"no network in it that can be read: name a file in it, such as 'network.saf"
    ):
        open_checkpoint(tmp_path)


def test_the_architecture_of_a_keras_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"class_name": "Model", "keras_version": "2.0.2", "config": {}}')
    with pytest.raises(WeightsError, match="is the architecture of a Keras model"):
        open_checkpoint(tmp_path / "model.json")


def test_a_stem_of_stylegan_xl_is_named(tmp_path: Path) -> None:
    tensors, _ = random_state(resolution=8)
    stem = tensors | {"mapping.embed.weight": torch.ones(936, 1000), "mapping.embed.bias": torch.ones(936)}
    torch.save({"G_ema": stem}, tmp_path / "stem.pt")
    with pytest.raises(WeightsError, match=r"'mapping.embed.weight' gives 936 numbers .* a StyleGAN-XL"):
        open_checkpoint(tmp_path / "stem.pt")
