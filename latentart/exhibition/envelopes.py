"""Sound to envelopes: what is heard at each frame, 0 to 1, without a seam at the end of the loop."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from latentart import pixels
from latentart.exhibition.sound import RATE, Sound

Array = NDArray[np.float64]
WINDOW = 2048
BANDS = {"low": (20, 200), "mid": (200, 2000), "high": (2000, 16000)}
SLOWEST, FASTEST = 50.0, 200.0
"""Beats per minute that are looked for."""
ROWS = 512
"""Looks taken together."""
STEP = 480
"""Samples between looks at the sound, 10 ms."""
FALLS = 0.18
"""Seconds in which an envelope falls to 1/e."""
RISES = 7
"""Steps over which it rises."""
EDGES = 20 * 2 ** (np.arange(31) / 3)
"""Hz, thirds of octaves from 20 to 20480."""
CENTRES = np.sqrt(EDGES[1:] * EDGES[:-1])


@dataclass(frozen=True, eq=False)
class Envelopes:
    """By name, one value for each frame, [num_frames]; tempo in beats per minute, beats in seconds."""

    values: dict[str, Array]
    tempo: float
    beats: Array

    def at(self, number: int) -> dict[str, float]:
        """What is heard at a frame."""
        found = {name: float(values[number % len(values)]) for name, values in self.values.items()}
        return {**found, "tempo": self.tempo}


def listen(sound: Sound, frames: int, fps: Fraction) -> Envelopes:
    """The envelopes of a film's sound."""
    mono = sound.samples.mean(axis=1, dtype=np.float32)
    power = octave_power(mono)
    flux = onset_strength(power)
    tempo, beats = find_beats(flux)
    tracks = {
        name: np.sqrt(power[:, (CENTRES >= low) & (CENTRES < high)].sum(1)) for name, (low, high) in BANDS.items()
    }
    tracks["rms"] = np.sqrt(power.sum(axis=1))
    tracks["onset"] = flux
    centres = np.arange(frames) / float(fps)
    values = {name: _scaled(_sampled(_eased(track), centres)) for name, track in tracks.items()}
    values["beat"] = beat_pulse(beats, centres, len(mono) / RATE)
    return Envelopes(values, tempo, beats)


def octave_power(mono: NDArray[np.float32]) -> Array:
    """Power in bands of a third of an octave around each 10 ms of a loop, [steps, bands]."""
    window, half = np.hanning(WINDOW).astype(np.float32), WINDOW // 2
    band = np.digitize(np.fft.rfftfreq(WINDOW, 1 / RATE), EDGES)
    sums = (band[:, None] == np.arange(1, len(EDGES))[None]).astype(np.float64) / WINDOW**2
    around = np.take(mono, np.arange(-half, len(mono) + half), mode="wrap")
    views = np.lib.stride_tricks.sliding_window_view(around, WINDOW)[: len(mono) : STEP]
    rows = [np.abs(np.fft.rfft(views[n : n + ROWS] * window)) ** 2 @ sums for n in range(0, len(views), ROWS)]
    return np.concatenate(rows)


def onset_strength(power: Array) -> Array:
    """Spectral flux of the log spectrum, what is louder than 10 ms before (Dixon 2006), [steps]."""
    loud = np.log1p(1e5 * power)
    rise = np.maximum(loud - np.roll(loud, 1, axis=0), 0).mean(axis=1)
    return np.asarray(np.maximum(rise - np.median(rise), 0))


def find_beats(flux: Array) -> tuple[float, Array]:
    """Tempo by autocorrelation, beats by dynamic programming over the onset strength (Ellis 2007).

    Returns beats per minute and the times of the beats in seconds; (0, none) where nothing pulses.
    """
    step = STEP / RATE
    lags = np.arange(round(60 / FASTEST / step), min(round(60 / SLOWEST / step), len(flux) // 2) + 1)
    if not len(lags) or flux.max() <= 0:
        return 0.0, np.zeros(0)
    smooth = np.convolve(np.tile(flux, 3), np.hanning(9) / 4, "same")[len(flux) : 2 * len(flux)]
    alike = np.array([(smooth * np.roll(smooth, lag)).sum() for lag in lags])
    # Listeners prefer tempi around 120, and so does the choice between a tempo and its half.
    liking = np.exp(-0.5 * (np.log2(60 / (lags * step) / 120) / 0.9) ** 2)
    lag = int(lags[np.argmax(alike * liking)])
    # Three rounds, of which the middle one counts: the beats of a loop go on across its seam.
    count = len(flux)
    chain = _beat_chain(np.tile(smooth / smooth.std(), 3), lag) - count
    return 60 / (lag * step), chain[(chain >= 0) & (chain < count)] * step


def _beat_chain(flux: Array, lag: int, tightness: float = 100.0) -> Array:
    """Places of the chain of beats that hits most onsets while keeping near one lag."""
    before = np.arange(-2 * lag, -lag // 2)
    penalty = -tightness * np.log(-before / lag) ** 2
    best, back = flux.copy(), np.full(len(flux), -1)
    for place in range(2 * lag, len(flux)):
        scores = best[place + before] + penalty
        choice = int(np.argmax(scores))
        if scores[choice] > 0:
            best[place], back[place] = flux[place] + scores[choice], place + before[choice]
    chain = [len(flux) - lag + int(np.argmax(best[-lag:]))]
    while back[chain[-1]] >= 0:
        chain.append(int(back[chain[-1]]))
    return np.array(chain[::-1], dtype=np.float64)


def beat_pulse(beats: Array, times: Array, length: float) -> Array:
    """1 on each beat, falling to 0 and rising again just before the next, around the loop."""
    if not len(beats):
        return np.zeros(len(times))
    around = np.concatenate([beats[-1:] - length, beats, beats[:1] + length])
    index = np.clip(np.searchsorted(around, times, side="right") - 1, 0, len(around) - 2)
    gone = (times - around[index]) / np.maximum(around[index + 1] - around[index], 1e-6)
    return np.asarray(np.maximum((1 - np.clip(gone, 0, 1)) ** 2, np.clip((gone - 0.85) / 0.15, 0, 1) ** 2))


def picture(found: Envelopes, width: int = 1200, height: int = 110) -> pixels.Frame:
    """The envelopes as curves one below the other, [H, W, 3], beats as lines: to see what the film will follow."""
    rows = [_curve(found, name, width, height) for name in found.values]
    return np.concatenate(rows)


def _curve(found: Envelopes, name: str, width: int, height: int) -> pixels.Frame:
    values = found.values[name]
    across = np.interp(np.linspace(0, len(values) - 1, width), np.arange(len(values)), values)
    page = np.full((height, width, 3), 18, np.uint8)
    filled = np.arange(height)[::-1, None] < (across * (height - 12))[None, :]
    page[filled] = (240, 190, 110) if name in ("onset", "beat") else (120, 180, 220)
    page[-1] = 60
    return page


def _sampled(track: Array, times: Array) -> Array:
    """A track of 10 ms steps at other times, around the loop."""
    places = times * RATE / STEP
    return np.asarray(np.interp(places, np.arange(len(track) + 1), np.append(track, track[0])), np.float64)


def _scaled(values: Array) -> Array:
    """So that the loudest hundredth is at 1."""
    top = float(np.percentile(values, 99))
    return np.asarray(np.clip(values / top, 0, 1)) if top > 0 else values


def _eased(track: Array) -> Array:
    """A track that rises within a few frames and falls slowly, as eyes like it; twice round, so that it closes."""
    kept, level = np.exp(-STEP / RATE / FALLS), 0.0
    falling = np.zeros(2 * len(track))
    for place, strength in enumerate(np.tile(track, 2)):
        level = max(strength, level * kept)
        falling[place] = level
    width = min(RISES, len(track))
    soft = np.hanning(width + 2)[1:-1]
    return np.convolve(np.tile(falling[len(track) :], 3), soft / soft.sum(), "same")[len(track) : 2 * len(track)]
