"""What `torch.save` writes, in both its containers, read without torch.load: see `inert_pickle`.

Stricter than `weights_only=True`: that mode bounds neither memory nor what a tensor claims, and lets a file call
some thirty functions; here it can call none.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

from latentart.errors import WeightsError
from latentart.files import regular
from latentart.weights.pickle import stored_zip
from latentart.weights.pickle.inert_pickle import Budget, Maker, Name, Record, Table, checked_key, inert, read, refuse
from latentart.weights.pickle.storage import STORAGE_NAMES, Storage, rebuild, storage

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_HEAD = b"\x80\x02\x8a\x0a" + LEGACY_MAGIC.to_bytes(10, "little") + b"."
LEGACY_PROTOCOL = 1001
LONGEST_NUMBER = 16


def is_torch(head: bytes) -> bool:
    """Whether a file's first bytes are those of torch.save (a zip may still turn out to be another)."""
    return head.startswith((b"PK\3\4", LEGACY_HEAD))


def window(path: Path) -> memoryview:
    """The file's bytes, mapped: only what is looked at takes memory. Raises WeightsError."""
    try:
        with regular.opened(path) as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise WeightsError(f"cannot read {path.name!r}: {error.strerror or error} (check the file)") from error
    except ValueError as error:
        raise WeightsError(f"{path.name!r} is empty (download it again)") from error


def open_torch(path: Path) -> Any:
    """What the file holds: dicts, lists, numbers, `StoredTensor`s, `Record`s for objects. Raises WeightsError."""
    data = window(path)
    if bytes(data[:4]) == b"PK\3\4":
        return _read_zip(data)
    value, _ = read_legacy(data, 0, Budget())
    return value


def ordered_dict(args: tuple[Any, ...]) -> dict[Any, Any]:
    """Stands for OrderedDict and EasyDict: a plain dict; its items follow, or come in pairs as Python 2 writes them."""
    if not args:
        return {}
    match args:
        case ([*pairs],) if all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
            # Emptied: a list that the file hands over a thousand times must not become a thousand dictionaries.
            args[0].clear()
            return {checked_key(key): value for key, value in pairs}
    refuse("a dictionary made from arguments")


def persistent_object(args: tuple[Any, ...]) -> Record:
    """Stands for NVIDIA's `_reconstruct_persistent_obj`: a record of the class's name and the object's state."""
    match args:
        case ({"type": "class", "class_name": str(name), "state": dict(state)},):
            return Record(name, state=state)
    refuse("a persistent object without a class name and a state")


def revived(args: tuple[Any, ...]) -> Record:
    """Stands for `copy_reg._reconstructor(class, base, state)`, how protocols 0 and 1 write any object."""
    match args:
        case (Name(name), Name("__builtin__.object" | "builtins.object"), None):
            return Record(name)
    refuse("an object made from another one")


def first(args: tuple[Any, ...]) -> Any:
    """Stands for `_rebuild_parameter(tensor, requires_grad, hooks)` and torch.Size: what it wraps."""
    if not args:
        refuse("a wrapper around nothing")
    return args[0]


def number(args: tuple[Any, ...]) -> int | float:
    """Stands for numpy's `scalar(dtype, bytes)`."""
    match args:
        case (Record("numpy.dtype", (str(code), *_), (_, "<" | "|", *_)), memoryview() | bytes() | str() as stored):
            raw = raw_bytes(stored)
            if len(raw) == struct.calcsize(NUMBERS[code]):
                return struct.unpack(NUMBERS[code], raw)[0]  # type: ignore[no-any-return]
    refuse("a numpy scalar of a kind this reader does not know")


def raw_bytes(stored: memoryview | bytes | str) -> memoryview | bytes:
    """Bytes as they are; of a text of Python 2 the bytes it was read from."""
    if isinstance(stored, str):
        return stored.encode("latin-1") if all(ord(c) < 256 for c in stored) else b""
    return stored


def dtype(args: tuple[Any, ...]) -> Record:
    """Stands for numpy.dtype: numbers only, never objects, which numpy would unpickle."""
    match args:
        case (str(code), *_) if code in NUMBERS:
            return Record("numpy.dtype", args)
        case (str(code), *_):
            refuse(f"numpy dtype {code[:20]!r}")
    refuse("a numpy dtype without a name")


def latin(args: tuple[Any, ...]) -> bytes:
    """Stands for `_codecs.encode(text, 'latin1')`, how older protocols write a number's bytes."""
    match args:
        case (str(text), "latin1") if len(text) <= LONGEST_NUMBER and all(ord(c) < 256 for c in text):
            return text.encode("latin1")
    refuse("an encoding other than of a few latin1 letters")


def no_set(args: tuple[Any, ...]) -> list[Any]:
    """Stands for set: an empty list. Nobody needs the contents, and copies of a large one would add up."""
    return []


NUMBERS = {
    "f2": "<e", "f4": "<f", "f8": "<d", "i1": "<b", "i2": "<h", "i4": "<i", "i8": "<q",
    "u1": "<B", "u2": "<H", "u4": "<I", "u8": "<Q", "b1": "<?",
}  # fmt: skip
TABLE: Table = {
    "collections.OrderedDict": ordered_dict,
    "torch._utils._rebuild_tensor_v2": rebuild,
    "torch._utils._rebuild_tensor": rebuild,
    "torch._utils._rebuild_parameter": first,
    "torch.Size": first,
    "argparse.Namespace": inert("argparse.Namespace"),
    # pytorch_GAN_zoo's settings; NVIDIA's networks, when they are saved as a whole by torch.save (PTI and others).
    "models.utils.config.BaseConfig": inert("models.utils.config.BaseConfig"),
    "torch_utils.persistence._reconstruct_persistent_obj": persistent_object,
    "dnnlib.util.EasyDict": ordered_dict,
    "torch.device": inert("torch.device"),
    **dict.fromkeys(("torch.float32", "torch.float16", "torch.bfloat16", "torch.float64", "torch.int64")),
    "numpy.ndarray": None,
    "numpy.core.multiarray._reconstruct": inert("numpy.ndarray"),
    "numpy._core.multiarray._reconstruct": inert("numpy.ndarray"),
    "copy_reg._reconstructor": revived,
    "copyreg._reconstructor": revived,
    **dict.fromkeys(("__builtin__.object", "builtins.object")),
    "builtins.set": no_set,
    "__builtin__.set": no_set,
    "numpy.dtype": dtype,
    "numpy.core.multiarray.scalar": number,
    "numpy._core.multiarray.scalar": number,
    "_codecs.encode": latin,
    **dict.fromkeys(STORAGE_NAMES),
}


def read_legacy(data: memoryview, start: int, budget: Budget) -> tuple[Any, int]:
    """(value, end) of torch's older container: five pickles, then each storage's count and bytes."""
    for expected in (LEGACY_MAGIC, LEGACY_PROTOCOL):
        value, start = read(data, start, {}, budget)
        if value != expected:
            refuse("bytes that are not a torch storage where one belongs")
    system, start = read(data, start, {}, budget)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise WeightsError("a torch file written on a big-endian machine, which is not read")
    storages: dict[str, Storage] = {}
    value, start = read(data, start, TABLE, budget, persistent=_collector(storages))
    keys, start = read(data, start, {}, budget)
    if not isinstance(keys, list) or not all(isinstance(k, str) for k in keys) or set(keys) != set(storages):
        refuse("a torch file whose list of storages is not the one it uses")
    for key in keys:
        start = _fill(data, start, storages[key])
    return value, start


def _collector(storages: dict[str, Storage]) -> Maker:
    """Storages by key, filled in later; a key names one storage."""

    def persistent(identity: tuple[Any, ...]) -> Storage:
        new, key = storage(identity)
        known = storages.setdefault(key, new)
        if (known.dtype, known.numel) != (new.dtype, new.numel):
            refuse(f"storage {key[:40]!r} under two types or sizes")
        return known

    return persistent


def _fill(data: memoryview, start: int, target: Storage) -> int:
    """Where the next storage starts, after giving `target` its bytes."""
    if start + 8 > len(data):
        raise WeightsError("the file ends early: its tensors are missing (download it again)")
    (count,) = struct.unpack_from("<q", data, start)
    if count != target.numel:
        refuse(f"a storage of {target.numel} values that says it has {count}")
    end = start + 8 + target.numel * target.itemsize
    if end > len(data):
        raise WeightsError(f"the file ends early: {end - len(data)} bytes are missing (download it again)")
    target.fill(data[start + 8 : end])
    return end


def _read_zip(data: memoryview) -> Any:
    files = stored_zip.members(data)
    roots = [name.removesuffix("data.pkl") for name in files if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise WeightsError("a zip without torch's data.pkl: not a checkpoint")
    root = roots[0]
    if any(name.startswith(f"{root}code/") for name in files):
        refuse("a TorchScript program: save its state_dict instead")
    if bytes(files.get(f"{root}byteorder", memoryview(b"little"))) != b"little":
        raise WeightsError("a torch file written on a big-endian machine, which is not read")
    storages: dict[str, Storage] = {}
    value, _ = read(files[f"{root}data.pkl"], 0, TABLE, Budget(), persistent=_collector(storages))
    for key, target in storages.items():
        content = files.get(f"{root}data/{key}")
        if content is None:
            raise WeightsError(f"storage {key[:40]!r} is missing from the file (download it again)")
        target.fill(content)
    return value
