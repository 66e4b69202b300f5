"""What common players play, from the limits their makers publish: asked before a film travels to a venue."""

from __future__ import annotations

from dataclasses import dataclass

from latentart.errors import SettingsError, unknown
from latentart.exhibition.score import Output, Score
from latentart.sinks.formats import choose
from latentart.sinks.video import CONTAINERS


@dataclass(frozen=True)
class Player:
    """Formats, endings, the largest picture (width, height), the fastest rate at that size."""

    formats: tuple[str, ...]
    endings: tuple[str, ...]
    largest: tuple[int, int]
    fps: int
    note: str
    source: str
    """The page of the manual where this is documented."""
    unsure: str = ""
    """What no page was found for."""
    largest_of: tuple[tuple[str, int], ...] = ()
    """Formats with a longest side of their own."""


PLAYERS = {
    "browser": Player(
        ("h264", "av1", "vp9a", ".gif", ".webp"), (".mp4", ".webm", ".gif", ".webp"), (3840, 2160), 60,
        "H.264 in MP4 everywhere; it may hitch where a loop begins again: set repeat; .gif and .webp as pictures",
        "MDN, Web video codec guide; MDN, Image file type and format guide",
        "the largest picture, which is that of the machine's decoder; VP9's transparency in Safari",
    ),
    "pi4-h264": Player(
        ("h264",), (".mp4", ".mkv"), (1920, 1080), 60,
        "H.264 to 1920x1080 at 60, in hardware",
        "Raspberry Pi 4 Model B product brief: H.264 (1080p60 decode); info-beamer, HD Image/Video Player V2: FullHD",
        "info-beamer's fastest rate",
    ),
    "pi-hevc": Player(
        ("hevc",), (".mp4", ".mkv"), (3840, 2160), 60,
        "HEVC to 3840x2160 at 60, Pi 4 and 5; the Pi 5 decodes nothing else in hardware",
        "Raspberry Pi 4 Model B product brief: H.265 (4kp60 decode); Raspberry Pi 5 product brief: 4Kp60 HEVC decoder",
        "info-beamer's own limits",
    ),
    "brightsign": Player(
        ("h264", "hevc"), (".mp4", ".mov", ".mkv"), (3840, 2160), 60,
        "H.264 to 1920x1080, HEVC to 3840x2160 at 60 (30 without HDMI 2.0); 25 Mbit/s in HD, 30 to 40 in 4K: raise crf "
        "where a film has more",
        "BrightSign, 4K Video Encoding; BrightSign, Optimizing Video Quality",
        "newer series may play H.264 in 4K",
        (("h264", 1920),),
    ),
    "resolume": Player(
        ("prores4444", "h264", ".gif"), (".mov", ".mp4", ".gif"), (16384, 16384), 120,
        "ProRes 4444, to be converted to DXV in Alley for the stage; H.264 plays, but seeks badly",
        "Resolume support, Video",
        "the largest picture, which is that of the machine's textures",
    ),
}  # fmt: skip
"""Profiles by name."""


def check(score: Score, profile: str) -> list[str]:
    """What stands in the way, in words; an empty list means it plays. Raises SettingsError for an unknown profile."""
    if profile not in PLAYERS:
        raise SettingsError(unknown("player", profile, PLAYERS))
    player = PLAYERS[profile]
    found = [problem for output in score.outputs() for problem in _problems(player, output)]
    for screen in score.screens():
        width, height = screen.size or score.size
        # Upright screens are lying ones turned.
        if max(width, height) > player.largest[0] or min(width, height) > player.largest[1]:
            found.append(f"a screen has {width}x{height}, the largest is {player.largest[0]}x{player.largest[1]}")
    if score.rate > player.fps:
        found.append(f"{score.rate} frames per second, the most is {player.fps}")
    for kind, side in player.largest_of:
        found += [
            f"{kind} above {side} pixels: use {' or '.join(name for name in player.formats if name != kind)}"
            for screen in score.screens()
            for output in score.outputs()
            if _format(output) == kind and max(screen.size or score.size) > side
        ]
    return found


def _problems(player: Player, output: Output) -> list[str]:
    if output.ending not in player.endings:
        return [f"it takes {' or '.join(player.endings)}, not {output.ending!r}"]
    kind = _format(output)
    return [] if kind in player.formats else [f"it takes {' or '.join(player.formats)}, not {kind}"]


def _format(output: Output) -> str:
    return choose(output.ending, output.format) if output.ending in CONTAINERS else output.ending
