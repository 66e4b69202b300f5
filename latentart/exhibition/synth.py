"""Small pieces of music from a seed, which end where they begin: what rings on at the end sounds at the start."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latentart.seeds import stream

Array = NDArray[np.float64]
RATE = 48_000
BLOCK = 10 * RATE
"""Samples of a drone made at a time."""
PENTATONIC = (0, 3, 5, 7, 10)
QUIET = 0.25
"""Of a beat, before the first note: where the loop begins again, nothing begins."""
ROOT = 110.0
"""Hz."""


def _note(degree: int, octave: int = 0) -> float:
    """Frequency of a degree of the minor pentatonic scale."""
    turns, step = divmod(degree, len(PENTATONIC))
    return float(ROOT * 2 ** (octave + turns + PENTATONIC[step] / 12))


class Tape:
    """A loop of stereo sound, [n, 2]; whatever is laid on it wraps around its end."""

    def __init__(self, seconds: float) -> None:
        self.samples: NDArray[np.float32] = np.zeros((round(seconds * RATE), 2), np.float32)
        self.seconds = seconds

    def lay(self, when: float, sound: Array, pan: float = 0.0) -> None:
        """Adds mono sound [m] at `when` seconds; pan -1 left to 1 right, of constant power."""
        places = (round(when * RATE) + np.arange(len(sound))) % len(self.samples)
        angle = (pan + 1) * np.pi / 4
        panned = sound[:, None] * np.array([np.cos(angle), np.sin(angle)])
        np.add.at(self.samples, places, panned.astype(np.float32))

    def hum(self, frequency: float, level: float, waves: int) -> None:
        """A tone for the whole loop, its pitch moved by a few thousandths so that it closes, swelling `waves` times."""
        turns = max(1, round(frequency * self.seconds))
        for start in range(0, len(self.samples), BLOCK):
            part = self.samples[start : start + BLOCK]
            u = np.arange(start, start + len(part)) / len(self.samples)
            for side, shift in enumerate((0.0, 0.25)):
                swell = 0.6 - 0.4 * np.cos(2 * np.pi * (waves * u + shift))
                part[:, side] += level * swell * np.sin(2 * np.pi * turns * u + side)


def _decay(seconds: float, falling: float) -> tuple[Array, Array]:
    """Times [m], and an envelope that rises in 4 ms and then falls by 1/e each `falling` seconds."""
    t = np.arange(round(seconds * RATE)) / RATE
    return t, np.minimum(t / 0.004, 1) * np.exp(-t / falling) * np.minimum((seconds - t) / 0.05, 1)


def _bell(frequency: float, level: float, ring: float) -> Array:
    """Two-operator frequency modulation at the inharmonic ratio of bells (Chowning 1973)."""
    t, envelope = _decay(ring * 4, ring)
    modulator = 2.2 * np.exp(-t / (ring * 0.5)) * np.sin(2 * np.pi * frequency * 1.4 * t)
    return np.asarray(level * envelope * np.sin(2 * np.pi * frequency * t + modulator))


def bells(tape: Tape, seed: int, tempo: float) -> None:
    """Bells on a pentatonic scale over a slow drone."""
    random, beat = stream(seed), tape.seconds / max(1, round(tape.seconds * tempo / 60))
    for waves, frequency, level in ((1, ROOT / 2, 0.16), (2, ROOT, 0.1), (3, _note(3), 0.05)):
        tape.hum(frequency, level, waves)
    for number in range(round(tape.seconds / beat)):
        for off in (QUIET, QUIET + 0.5):
            if random.random_sample() < (0.85 if off == QUIET else 0.35):
                degree = int(random.randint(0, 10))
                bell = _bell(_note(degree, 1), 0.2 if off == QUIET else 0.11, random.uniform(0.5, 1.4))
                tape.lay((number + off) * beat, bell, random.uniform(-0.7, 0.7))


def tide(tape: Tape, seed: int, tempo: float) -> None:
    """Breaking waves of filtered noise over a low chord."""
    random, count = stream(seed), len(tape.samples)
    waves = max(1, round(tape.seconds * tempo / 600))
    u = np.arange(count) / count
    frequencies = np.fft.rfftfreq(count, 1 / RATE)
    for side in range(2):
        # Noise made as a spectrum repeats without a seam.
        spectrum = np.exp(2j * np.pi * random.random_sample(len(frequencies)))
        spectrum *= np.sqrt(1 / np.maximum(frequencies, 60)) * (frequencies < 6000)
        noise = np.fft.irfft(spectrum, count)
        crest = ((1 + np.cos(2 * np.pi * (waves * u - 0.06 * side))) / 2) ** 3
        tape.samples[:, side] += (0.18 * noise / noise.std() * (0.12 + crest)).astype(np.float32)
    for number, degree in enumerate((0, 2, 4)):
        tape.hum(_note(degree), 0.07, number + 1)


def pulse(tape: Tape, seed: int, tempo: float) -> None:
    """A soft drum on each beat, brushes between, a bass that walks. The loop begins between two beats."""
    random, count = stream(seed), max(1, round(tape.seconds * tempo / 60))
    beat = tape.seconds / count
    for number in np.arange(count) + QUIET:
        t, envelope = _decay(0.5, 0.14)
        tape.lay(number * beat, 0.5 * envelope * np.sin(2 * np.pi * (52 * t + 3.2 * (1 - np.exp(-t * 28)))))
        t, envelope = _decay(0.12, 0.03)
        brush = 0.07 * envelope * np.diff(random.standard_normal(len(t) + 1))
        tape.lay((number + 0.5) * beat, brush, 0.4)
        if int(number) % 2 == 0:
            t, envelope = _decay(beat * 2, beat)
            bass = _note((0, 0, 3, 2)[int(number) // 2 % 4], -1)
            tape.lay(number * beat, 0.22 * envelope * np.sin(2 * np.pi * bass * t))
        if random.random_sample() < 0.4:
            tape.lay((number + 0.25) * beat, _bell(_note(int(random.randint(3, 9)), 1), 0.1, 0.5), -0.4)


PIECES: dict[str, Callable[[Tape, int, float], None]] = {"bells": bells, "tide": tide, "pulse": pulse}


def play(name: str, seconds: float, seed: int, tempo: float) -> NDArray[np.float32]:
    """A piece of exactly `seconds` seconds, [n, 2] in -1 .. 1 at 48 kHz."""
    tape = Tape(seconds)
    PIECES[name](tape, seed, tempo)
    # A soft knee instead of clipping, and the same loudness for all.
    tape.samples *= np.float32(0.132 / max(float(np.sqrt(np.square(tape.samples).mean())), 1e-9))
    return np.tanh(tape.samples, out=tape.samples)
