"""Colour profiles as files embed them: matrices and curves (ICC.1:2001-12), written from primaries."""

from __future__ import annotations

import struct

import numpy as np

D65 = (0.3127, 0.3290)
D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SPACES = {
    "Display P3": (((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), D65, "srgb"),
    "Adobe RGB (1998)": (((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65, 2.19921875),
    "ProPhoto RGB": (((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), (0.3457, 0.3585), 1.8),
    "Rec. 2020": (((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), D65, 2.4),
    "linear sRGB": (((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65, 1.0),
    "sRGB": (((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65, "srgb"),
}
"""Name -> primaries and white as xy, and the curve: sRGB's, or a power."""


def xyz(xy: tuple[float, float]) -> np.ndarray:
    return np.array([xy[0] / xy[1], 1.0, (1 - xy[0] - xy[1]) / xy[1]])


def matrix(name: str) -> np.ndarray:
    """Linear RGB -> XYZ under D50, [3, 3]."""
    primaries, white, _ = SPACES[name]
    raw = np.stack([xyz(p) for p in primaries], axis=1)
    scaled = raw * np.linalg.solve(raw, xyz(white))
    adapted = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ xyz(white))) @ BRADFORD
    return adapted @ scaled


def linear(values: np.ndarray, curve: object) -> np.ndarray:
    if curve == "srgb":
        return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return values ** float(str(curve))


def to_srgb(name: str, colours: np.ndarray) -> np.ndarray:
    """8-bit colours [N, 3] of a space -> those of sRGB, by the formulas."""
    light = linear(np.asarray(colours) / 255, SPACES[name][2]) @ matrix(name).T @ np.linalg.inv(matrix("sRGB")).T
    light = light.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def profile(name: str) -> bytes:
    """The profile of a space; 'grey' is one of a single curve of 1.8."""
    if name == "grey":
        return _file("GRAY", {"kTRC": _power(1.8), "wtpt": _point(D50), "desc": _text(name), "cprt": _text("CC0")})
    columns, curve = matrix(name).T, SPACES[name][2]
    curve = _table(linear(np.linspace(0, 1, 1024), curve)) if curve == "srgb" else _power(float(str(curve)))
    tags = {f"{c}XYZ": _point(column) for c, column in zip("rgb", columns, strict=True)}
    tags |= {f"{c}TRC": curve for c in "rgb"}
    return _file("RGB ", {**tags, "wtpt": _point(D50), "desc": _text(name), "cprt": _text("CC0")})


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _point(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _power(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _table(values: np.ndarray) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">I", len(values)) + np.round(values * 65535).astype(">u2").tobytes()


def _text(text: str) -> bytes:
    ascii_ = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(ascii_)) + ascii_ + bytes(8 + 3 + 67 + (-len(ascii_) - 2) % 4)


def _file(space: str, tags: dict[str, bytes]) -> bytes:
    table, body, place = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name.encode() + struct.pack(">II", place + len(body), len(data))
        body += data
    size = place + len(body)
    head = struct.pack(">I4xI4s4s4s12x4s", size, 0x02400000, b"mntr", space.encode(), b"XYZ ", b"acsp")
    head += bytes(68 - len(head)) + b"".join(map(_fixed, D50))
    return head + bytes(128 - len(head)) + table + body
