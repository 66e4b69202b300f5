"""Says in a few words what a file that is no checkpoint looks like."""

from __future__ import annotations

import re

_PATTERNS: tuple[tuple[bytes, str], ...] = (  # the first that fits
    (rb"version https://git-lfs", "a git-lfs pointer: the weights themselves were not downloaded (git lfs pull)"),
    (rb"\s*(<!doctype|<html|<head|<\?xml|<svg)", "a web page: the download link led to a page, not to the file"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|BM..\0\0|RIFF....WEBP", "a picture"),
    (rb"....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI", "a film"),
    (rb"PK\x03\x04|PK\x05\x06", "a zip, or a torch file of no known family"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!", "a compressed archive: unpack it first"),
    (rb".{257}ustar", "a tar archive: unpack it first"),
    (rb"\x80[\x02-\x05].{0,200}tfutil", "the original ProGAN pickle of 2017 (TensorFlow 1), which is not read"),
    (rb"\x80\x02\x8a\x0a", "a torch file of no known family"),
    (rb"\x80[\x00-\x05]", "a pickle of no known kind"),
    (rb"c[\w.]+\n[\w.]+\n|\((dp|lp|i)", "a pickle of the old text kind, which no toolkit writes"),
    (rb".{4}TFL3", "a TensorFlow Lite model: its weights are for phones, give the network that it was made from"),
    (rb"\x08\x01\x12.{0,80}\n", "a SavedModel of TensorFlow (.pb): convert it with tensorflowjs_converter first"),
    (
        rb"\n.{1,3}\n.[\w./:-]+\x12.(Placeholder|Const|VariableV2|Identity|NoOp)",
        "a frozen graph of TensorFlow (.pb): convert it with tensorflowjs_converter first",
    ),
    (
        rb"\n\x24[0-9a-f-]{36}|\x0a.{1,40}\x12.{1,40}\x1a.[0-9.]+\x22.tensorflow",
        "a model of Keras.js, which is not read",
    ),
    (
        rb"\x08[\x03-\x10][\x12\x1a\x22\x2a\x32:B]|\x08.{1,40}(onnx|pytorch|tf2onnx|keras)",
        "an ONNX model: a format that is written here, not read; give the network that it was made from",
    ),
    (rb"[\x01-\x04]\0\0\0[\x01-\x09]\0\0\0", "a file of Lua Torch (.t7), which is not read"),
    (rb"\x89HDF", "an HDF5 file"),
    (rb"\x93NUMPY", "a numpy array"),
    (rb"GGUF", "a GGUF language model"),
    (rb"\x7fELF|MZ", "a program"),
)


def describe(head: bytes) -> str:
    """What the first bytes of a file look like: 'a picture', 'empty', 'text' ..."""
    if not head:
        return "an empty file"
    for pattern, words in _PATTERNS:
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE):
            return words
    printable = sum(32 <= b < 127 or b in b"\t\r\n" for b in head)
    return "text" if printable > 0.95 * len(head) else f"unknown bytes ({head[:8].hex(' ')} ...)"
