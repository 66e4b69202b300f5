"""What an attack is: a function that writes it, and the words that its refusal must contain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SENTINEL = "LATENTART_ATTACK_SENTINEL"
COMMAND = f'touch "${SENTINEL}"'


@dataclass(frozen=True)
class Attack:
    """`write(folder)` returns what to open: a path, or the name of a card in the folder.

    refused: a pattern that the one-line error must match; None for a file that is readable once its code is ignored.
    """

    write: Callable[[Path], Path | str]
    refused: str | None


def file(content: Callable[[], bytes], refused: str | None, name: str = "network.pkl") -> Attack:
    """An attack that is one file."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content())
        return folder / name

    return Attack(write, refused)
