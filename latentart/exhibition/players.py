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


PLAYERS = {
    "browser": Player(
        ("h264", "av1", "vp9a"), (".mp4", ".webm"), (3840, 2160), 60,
        "H.264 in MP4 everywhere; it may hitch where a loop begins again: set repeat",
    ),
    # raspberrypi.com: the Pi 4 decodes H.264 to 1080p60 and HEVC to 4Kp60; the Pi 5 keeps only HEVC.
    "pi4-h264": Player(("h264",), (".mp4", ".mkv"), (1920, 1080), 60, "H.264 to 1920x1080 at 60, in hardware"),
    "pi-hevc": Player(("hevc",), (".mp4", ".mkv"), (3840, 2160), 60, "HEVC to 3840x2160 at 60, Pi 4 and 5"),
    # brightsign.biz, supported formats of the series 4 and 5.
    "brightsign": Player(
        ("h264", "hevc"), (".mp4", ".mov", ".mkv"), (3840, 2160), 60,
        "H.264 to 30 frames at 3840x2160, HEVC to 60; loops without a gap",
    ),
    # resolume.com: DXV is encoded by its own tool; ProRes 4444 is what that takes.
    "resolume": Player(
        ("prores4444", "h264"), (".mov", ".mp4"), (16384, 16384), 120,
        "ProRes 4444, to be converted to DXV in Alley for the stage",
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
    if profile == "brightsign" and score.rate > 30:
        found += [
            f"H.264 above 1920x1080 at {score.rate} frames per second: use hevc"
            for screen in score.screens()
            for output in score.outputs()
            if _format(output) == "h264" and max(screen.size or score.size) > 1920
        ]
    return found


def _problems(player: Player, output: Output) -> list[str]:
    if output.ending not in player.endings:
        return [f"it takes {' or '.join(player.endings)}, not {output.ending!r}"]
    kind = _format(output)
    return [] if kind in player.formats else [f"it takes {' or '.join(player.formats)}, not {kind}"]


def _format(output: Output) -> str:
    return choose(output.ending, output.format) if output.ending in CONTAINERS else output.ending
