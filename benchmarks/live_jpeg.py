"""Which JPEG encoder: simplejpeg (libjpeg-turbo inside its wheel), Pillow, and OpenCV where it is installed.

Processor milliseconds of one thread for one picture of landscapes-256 at three sizes, and its bytes; median of 40.
Run: python -m benchmarks.live_jpeg
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import simplejpeg
from PIL import Image

from benchmarks.helpers.live_server import row
from latentart import pixels, seeds
from latentart.latent import space
from latentart.models.load import load
from latentart.pixels import Frame

QUALITY = 85


def with_simplejpeg(frame: Frame) -> bytes:
    found: bytes = simplejpeg.encode_jpeg(frame, QUALITY, "RGB", "420", True)
    return found


def with_pillow(frame: Frame) -> bytes:
    data = io.BytesIO()
    Image.fromarray(frame).save(data, "JPEG", quality=QUALITY, subsampling="4:2:0")
    return data.getvalue()


def with_opencv(frame: Frame) -> bytes:
    import cv2

    return bytes(cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())


def median(encode: Callable[[Frame], bytes], frame: Frame) -> tuple[float, int]:
    times = []
    for _ in range(40):
        begun = time.thread_time()
        data = encode(frame)
        times.append(time.thread_time() - begun)
    return sorted(times)[20] * 1e3, len(data)


def main() -> None:
    G = load("landscapes-256", "cpu")
    img = G.synthesis(space.to_ws(G, seeds.z(3, G.z_dim), psi=0.8)).detach()
    encoders = {"simplejpeg": with_simplejpeg, "Pillow": with_pillow}
    if find_spec("cv2"):
        encoders["OpenCV"] = with_opencv
    for side in (256, 512, 1024):
        frame = np.ascontiguousarray(pixels.to_uint8(pixels.resize(img, (side, side)))[0])
        for name, encode in encoders.items():
            took, size = median(encode, frame)
            row(f"{name}, {side}x{side}, quality {QUALITY}", "", f"{took:.2f} ms, {size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
