"""How a stored picture of a film becomes the one that is meant: the eight places of a display matrix."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type as SideData


@dataclass(frozen=True)
class Place:
    """How a stored picture becomes the one that is meant: rows and columns swapped, then turned over."""

    swapped: bool = False
    left_right: bool = False
    upside_down: bool = False

    def __call__(self, frame: Any) -> Any:
        """[H, W, C] -> [H or W, W or H, C], contiguous."""
        seen = frame.transpose(1, 0, 2) if self.swapped else frame
        return np.ascontiguousarray(seen[:: -1 if self.upside_down else 1, :: -1 if self.left_right else 1])


def of(frame: Any) -> Place:
    """The nearest of the eight places that a display matrix (ISO/IEC 14496-12, 6.2.2) can mean."""
    sides: Any = frame.side_data
    side = next((each for each in sides if each.type == SideData.DISPLAYMATRIX), None)
    if side is None or len(bytes(side)) < 36:
        return Place()
    # x' = a x + c y, y' = b x + d y
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(side)[:36])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Place(False, a < 0, d < 0)
    return Place(True, c < 0, b < 0)
