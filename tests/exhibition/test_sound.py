"""Sound: what is heard, what drives parameters, and that the film carries it in step."""

from __future__ import annotations

import struct
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from latentart.errors import SettingsError
from latentart.exhibition import automation, envelopes, sound, synth
from latentart.exhibition.score import Audio
from latentart.exhibition.sound import RATE, Sound

NOW = {"t": 1.5, "u": 0.25, "s": 0.5, "low": 0.8, "beat": 1.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.7", 0.7),
        ("-2 + 3 * 2", 4),
        ("2 ** 3 % 5", 3),
        ("0.5 + 0.4 * low", 0.82),
        ("sin(pi * s)", 1),
        ("clamp(t, 0, 1)", 1),
        ("mix(1, 3, u)", 1.5),
        ("keys(s, 0, 2, 0)", 2),
        ("smooth(s)", 0.5),
        ("max(low, beat) - min(1, 2)", 0),
        ("0..2..0", 2),
        ("0..1 sine", 0.5),
        ("sqrt(abs(-4)) + floor(1.5) + cos(0)", 4),
    ],
)
def test_expressions(text, value):
    assert automation.parse(text, automation.variables(True))(NOW) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    ["", "low +", "__import__('os')", "().__class__", "t.real", "[t][0]", "lambda: 1", "'a'", "True", "t if u else s",
     "open", "x", "sin(1, 2)", "sin(x=1)", "0..1 wobbly", "(" * 250, "1" * 400, "t == 1", "f'{t}'",
     "0..nan", "10 ** 400", "t\x00"],
)  # fmt: skip
def test_everything_else_is_refused(text):
    with pytest.raises(SettingsError):
        automation.parse(text, automation.variables(True))(NOW)


@pytest.mark.parametrize("text", ["1 / (t - 1.5)", "9 ** 9 ** 9 ** 9", "1e300 * 1e300", "(-1) ** 0.5"])
def test_a_value_that_is_none_is_named_with_its_time(text):
    with pytest.raises(SettingsError, match=r"at t = 1\.5"):
        automation.parse(text)(NOW)


@pytest.mark.parametrize("name", synth.PIECES)
def test_pieces_are_named_by_their_seed_and_close(name):
    samples = synth.play(name, 4.0, 3, 90)
    assert samples.shape == (4 * RATE, 2)
    assert np.array_equal(samples, synth.play(name, 4.0, 3, 90))
    assert not np.array_equal(samples, synth.play(name, 4.0, 4, 90))
    step = np.abs(np.diff(samples, axis=0)).max()
    assert np.abs(samples[0] - samples[-1]).max() <= 1.5 * step
    assert 0.05 < np.sqrt(np.square(samples).mean()) < 0.3
    assert np.abs(samples).max() <= 1


def clicks(tempo, seconds=8):
    samples = np.zeros((seconds * RATE, 2))
    noise = np.random.RandomState(0).standard_normal(600)[:, None] * np.exp(-np.arange(600) / 100)[:, None]
    for n in range(round(seconds * tempo / 60)):
        start = round(n * 60 / tempo * RATE)
        samples[start : start + 600] += 0.3 * noise
    return Sound(samples)


@pytest.mark.parametrize("tempo", [75, 120, 150])
def test_the_beat_of_clicks_is_found(tempo):
    found = envelopes.listen(clicks(tempo), 240, Fraction(30))
    assert found.tempo == pytest.approx(tempo, rel=0.03)
    near = np.abs(found.beats[:, None] - np.arange(0, 8, 60 / tempo)[None]).min(axis=1)
    assert np.median(near) <= 0.03


def test_a_low_tone_is_low_and_a_high_one_high():
    t = np.arange(2 * RATE) / RATE
    half = np.where(t < 1, np.sin(2 * np.pi * 80 * t), np.sin(2 * np.pi * 5000 * t))
    found = envelopes.listen(Sound(np.stack([half, half], axis=1) * 0.3), 60, Fraction(30)).values
    assert found["low"][10:20].min() > 0.8 > 0.2 > found["low"][40:50].max()
    assert found["high"][40:50].min() > 0.8 > 0.2 > found["high"][10:20].max()
    assert all(track.shape == (60,) and track.min() >= 0 and track.max() <= 1 for track in found.values())


def test_silence_is_heard_as_nothing():
    found = envelopes.listen(Sound(np.zeros((RATE, 2))), 30, Fraction(30))
    assert found.tempo == 0
    assert all(not track.any() for track in found.values.values())
    assert found.at(31).keys() == automation.HEARD.keys()


def test_envelopes_can_be_looked_at():
    picture = envelopes.picture(envelopes.listen(clicks(120), 240, Fraction(30)), 300, 40)
    assert picture.shape == (240, 300, 3)
    assert picture.std() > 10


def write_wav(path, samples, rate=44100):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def test_files_are_read_resampled_and_fitted(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    write_wav(tmp_path / "a.wav", tone)
    heard = sound.read(tmp_path / "a.wav")
    assert heard.shape[1] == 2
    assert abs(len(heard) - RATE) <= 2
    longer = sound.of(Audio(file=str(tmp_path / "a.wav")), Fraction(2)).samples
    assert longer.shape == (2 * RATE, 2)
    assert abs(longer[0]).max() == 0
    assert not longer[RATE + 10 :].any()
    quiet = sound.of(Audio(file=str(tmp_path / "a.wav"), gain=-20), Fraction(1)).samples
    assert np.abs(quiet).max() == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_named_with_their_time(value, tmp_path):
    samples = np.zeros(RATE, np.float32)
    samples[RATE // 2] = value
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 4 * RATE, b"WAVE", b"fmt ", 16, 3, 1, RATE, 4 * RATE, 4, 32,
                       b"data", 4 * RATE)  # fmt: skip
    (tmp_path / "a.wav").write_bytes(head + samples.tobytes())
    with pytest.raises(SettingsError, match=r"a\.wav' holds a sample that is no number, at 0\.50 s: export it again"):
        sound.read(tmp_path / "a.wav")


@pytest.mark.parametrize("content", [b"", b"not a sound", None])
def test_files_that_are_no_sound_are_named(content, tmp_path):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"a\.wav"):
        sound.read(path)
    with pytest.raises(SettingsError, match="a file or a synth"):
        sound.of(Audio(), Fraction(1))


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv", ".webm"])
def test_the_film_carries_the_sound_in_step(ending, tmp_path):
    samples = clicks(60, 4).samples
    film = tmp_path / f"a{ending}"
    with av.open(str(film), "w") as container:
        stream = Sound(samples).add_to(container, ending)
        for packet in Sound(samples).packets(stream, 2):
            container.mux(packet)
    back = sound.read(film).mean(axis=1)
    assert abs(len(back) - 8 * RATE) <= 2048
    loud = np.flatnonzero(np.abs(back) > 0.1)
    starts = loud[np.r_[True, np.diff(loud) > RATE // 2]] / RATE
    assert len(starts) == 8
    # A frame lasts 33 ms.
    assert np.abs(starts - np.arange(8)).max() < 0.012


@pytest.mark.parametrize(
    "content",
    [
        b"ffconcat version 1.0\nfile 'other.wav'\n",
        b"#EXTM3U\n#EXTINF:1,\nother.wav\n#EXT-X-ENDLIST\n",
        b"<?xml version='1.0'?><MPD></MPD>",
        b"",
        b"\0" * 4096,
    ],
)
@pytest.mark.parametrize("ending", [".wav", ".mp3", ".flac", ""])
def test_a_script_that_is_called_a_sound_opens_nothing(content, ending, tmp_path):
    heard(tmp_path / "other.wav", 0.1)
    (tmp_path / f"track{ending}").write_bytes(content)
    with pytest.raises(SettingsError, match=r"cannot read the sound|holds no sound"):
        sound.read(tmp_path / f"track{ending}")


def test_no_more_of_a_sound_is_read_than_a_film_needs(tmp_path):
    heard(tmp_path / "a.wav", 20)
    assert len(sound.read(tmp_path / "a.wav", 1.5)) < 3 * RATE
    assert len(sound.read(tmp_path / "a.wav")) == 20 * RATE


def heard(path, seconds):
    """A sound of that many seconds of silence."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(bytes(2 * round(seconds * RATE)))
