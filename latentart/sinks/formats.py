"""The named film formats: a table of codecs with settings that were tried, offered in place of raw flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from latentart.errors import SettingsError, unknown

X26_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
HASTY = X26_PRESETS[:3]
"""Those by which x264 looks ahead ten frames at most."""
LARGE = 2560 * 1440
AV1_PRESETS = tuple(str(n) for n in range(14))


@dataclass(frozen=True)
class Format:
    """A codec with its settings: `pixels` serve grey and RGB frames, `alpha` serves RGBA ("" without one)."""

    codec: str
    pixels: str
    endings: tuple[str, ...]
    """The containers it may go into, the usual one first."""
    alpha: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    largest_crf: int = 0
    """0 for a codec without crf."""
    presets: tuple[str, ...] = ()
    tag: str = ""
    smallest: int = 1
    """The shortest side that the encoder takes."""
    depth: int = 8
    """Bits of the frames that make the most of it: 16 for formats that keep ten bits or more."""


FORMATS: dict[str, Format] = {
    # For the web, players and screens. "faster" costs 0.4 dB against "medium" at the same size, and leaves the
    # processor to the generator: a film runs at 80 % of generation alone instead of 70 %.
    # x264's AVX-512 code for macroblock trees takes eight blocks at a time and reads past the last row's end: unless
    # the width is a multiple of 128, two runs may give two films. The plain code costs nothing that can be measured.
    "h264": Format(
        "libx264",
        "yuv420p",
        (".mp4", ".mov", ".mkv"),
        "",
        {"crf": "16", "preset": "faster", "x264-params": "cpu-independent=1"},
        51,
        X26_PRESETS,
    ),
    # 4K; ten bits band less. Apple's players know HEVC only by the tag hvc1.
    # At widths of 34 to 48 x265 writes outside its memory, and under 128 two runs may give two films.
    "hevc": Format(
        "libx265",
        "yuv420p10le",
        (".mp4", ".mov", ".mkv"),
        "",
        {"crf": "18", "preset": "medium", "x265-params": "log-level=error:pools=4:frame-threads=2"},
        51,
        X26_PRESETS,
        "hvc1",
        128,
        depth=16,
    ),
    # The smallest files.
    "av1": Format(
        "libsvtav1",
        "yuv420p10le",
        (".mp4", ".webm", ".mkv"),
        "",
        {"crf": "25", "preset": "8"},
        63,
        AV1_PRESETS,
        depth=16,
    ),
    # For editing, with transparency.
    "prores4444": Format(
        "prores_ks", "yuv444p10le", (".mov", ".mkv"), "yuva444p10le", {"profile": "4444"}, tag="ap4h", depth=16
    ),
    # Transparency on the web.
    "vp9a": Format(
        "libvpx-vp9",
        "yuv420p",
        (".webm", ".mkv"),
        "yuva420p",
        {"crf": "16", "b": "0", "row-mt": "1", "deadline": "good", "cpu-used": "3"},
        63,
    ),
    # Bit-exact: the archive's master, and a quick intermediate.
    "ffv1": Format("ffv1", "bgr0", (".mkv",), "bgra", {"level": "3", "slices": "4", "slicecrc": "1"}),
    # The same with 16 bits a channel.
    "ffv1-16": Format(
        "ffv1", "gbrp16le", (".mkv",), "gbrap16le", {"level": "3", "slices": "4", "slicecrc": "1"}, depth=16
    ),
    "fast-lossless": Format("libx264rgb", "rgb24", (".mkv",), "", {"qp": "0", "preset": "ultrafast"}),
}
DEFAULTS = {".mp4": "h264", ".mov": "prores4444", ".mkv": "ffv1", ".webm": "vp9a"}
WITH_ALPHA = "prores4444 (.mov), vp9a (.webm), ffv1 (.mkv), .webp, .gif, PNG"


def choose(ending: str, name: str | None) -> str:
    """The name of the format for a file's ending. Raises SettingsError for an unknown one or a wrong pair."""
    name = name or DEFAULTS[ending]
    if name not in FORMATS:
        raise SettingsError(unknown("format", name, FORMATS))
    if ending not in FORMATS[name].endings:
        raise SettingsError(f"format {name!r} does not go into {ending!r}: use {' or '.join(FORMATS[name].endings)}")
    return name


def encoder_options(name: str, crf: object = None, preset: object = None) -> dict[str, Any]:
    """FFmpeg's options of a format, with the user's crf and preset. Raises SettingsError."""
    chosen = FORMATS[name]
    options = dict(chosen.options)
    if crf is not None:
        options["crf"] = _crf(name, chosen, crf)
    if preset is not None:
        if not chosen.presets:
            raise SettingsError(f"preset {str(preset)!r}: {_settable(name)}")
        if str(preset) not in chosen.presets:
            raise SettingsError(unknown(f"preset of {name}", preset, chosen.presets))
        options["preset"] = str(preset)
    return options


def options_at(name: str, options: Mapping[str, str], width: int, height: int) -> dict[str, str]:
    """The options of a format for pictures of a size: in large ones x264 looks ahead no more than ten frames.

    It keeps 26 MB for each at 3840x2160, and "faster" looks ahead twenty, which gives 0.2 dB for 4 % more bytes.
    """
    if name == "h264" and width * height > LARGE and options["preset"] not in HASTY:
        return {**options, "rc-lookahead": "10"}
    return dict(options)


def _settable(name: str) -> str:
    """'.mov is prores4444 by default, which has no presets and no crf: ...', in words for who set one of them."""
    chosen = FORMATS[name]
    ending = next((ending for ending, usual in DEFAULTS.items() if usual == name), chosen.endings[0])
    usual = f"{ending} is {name} by default, which" if DEFAULTS[ending] == name else name
    missing = [what for what, there in (("presets", chosen.presets), ("crf", chosen.largest_crf)) if not there]
    can = f"; --crf 0 to {chosen.largest_crf} sets its quality" if chosen.largest_crf else ""
    same = [other for other, format in FORMATS.items() if format.presets and ending in format.endings]
    others = f", or choose another with --format {' or '.join(same)}" if same else ""
    return f"{usual} has no {' and no '.join(missing)}{can}: leave it out{others}"


def _crf(name: str, chosen: Format, crf: object) -> str:
    if not chosen.largest_crf:
        raise SettingsError(f"crf {crf!r}: {_settable(name)}")
    try:
        if 0 <= float(str(crf)) <= chosen.largest_crf:
            return str(crf).strip()
    except ValueError:
        pass
    raise SettingsError(
        f"crf {crf!r} makes no sense: give a number from 0 (best) to {chosen.largest_crf} (smallest file)"
    )
