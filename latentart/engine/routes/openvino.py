"""OpenVINO on the processor: fuses layers and picks kernels without a compiler (extra `latentart[cpu]`).

The graph is exported once per model and kept in the cache folder; a later start only reads it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentart import cache
from latentart.engine import export_process
from latentart.engine.drawing import Drawing, check_number, example, noise_inputs
from latentart.engine.machine import version
from latentart.engine.request import Request, RouteError, Run, hooked, log
from latentart.errors import TargetError
from latentart.models.base import Generator

F32, BF16 = "openvino f32", "openvino bf16"
_DECODER = "openvino.frontend.pytorch.fx_decoder"
_WHOLE = "openvino.frontend.pytorch.torchdynamo.export_decompositions"
GRAPH, WEIGHTS, DIGEST = "model.xml", "model.bin", "sha256"
MOST_BYTES = 2 * 2**30
"""Exported graphs that stay in the cache folder, those used last."""
_ABANDONED = 3600.0
"""Seconds after which half a graph belongs to a process that was killed."""
_core: list[Any] = []
_core_lock = threading.Lock()


@dataclass(frozen=True)
class Source:
    """What a graph is exported from; `flat` are the tensors in the arguments, in order."""

    module: torch.nn.Module
    arguments: tuple[Any, ...]
    flat: Sequence[Tensor]


def choices(G: Generator, request: Request) -> dict[str, str]:
    """float32, and bfloat16 for live pictures where the processor computes in it."""
    why = unavailable(G)
    offers = {F32: why}
    if request.precision == "live":
        offers[BF16] = why or ("" if "BF16" in capabilities() else "this processor has no bfloat16 instructions")
    return offers


def unavailable(G: Generator) -> str:
    """Why OpenVINO cannot run G here; '' when it can."""
    if G.device.type != "cpu":
        return f"the model is on {G.device.type}, OpenVINO runs on the processor"
    if find_spec("openvino") is None:
        return "OpenVINO is not installed: pip install 'latentart[cpu]'"
    if hooked(G.synthesis.modules()):
        return "the model has hooks, which a graph would freeze"
    return ""


def runtime() -> Any:
    """The openvino package, imported without its telemetry: art does not phone home."""
    if "openvino" not in sys.modules:
        with _absent("openvino_telemetry"):
            import_module("openvino")
    return sys.modules["openvino"]


def _exporter() -> None:
    """Imports what exports, which reading a graph does without."""
    with _absent("openvino_telemetry"):
        import_module(_DECODER)
        import_module(_WHOLE)


def core() -> Any:
    """OpenVINO's Core, one for the life of the process.

    Its processor plug-in gives the main thread a signal stack of its own and frees it when the Core goes: with several
    of them, Ctrl-C would run on a stack that is gone, and crash.
    """
    with _core_lock:
        if not _core:
            _core.append(runtime().Core())
    return _core[0]


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """Makes `import module` fail inside the block: OpenVINO then falls back to its stub, as documented there."""
    missing = object()
    before = sys.modules.get(module, missing)
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not missing:
            sys.modules[module] = before  # type: ignore[assignment]


def capabilities() -> list[str]:
    """What the processor computes in, in OpenVINO's words: 'FP32', 'BF16', 'INT8'..."""
    return list(core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def prepare(G: Generator, request: Request, name: str, fingerprint: str) -> Run:
    """Reads or exports the graph and compiles it for this processor. Raises RouteError."""
    try:
        compiled = _compiled(G, request, name, fingerprint)
    except failures() as error:
        raise RouteError(f"OpenVINO cannot run {G.name!r}: {one_line(error)}") from error
    return _runner(G, request, compiled.create_infer_request())


def failures() -> tuple[type[Exception], ...]:
    """What exporting or compiling a graph may raise: PyTorch's kinds, and OpenVINO's own, which share no base."""
    native = vars(sys.modules.get("openvino._pyopenvino", sys)).values()
    own = [kind for kind in native if isinstance(kind, type) and issubclass(kind, Exception)]
    return (RuntimeError, ValueError, TypeError, LookupError, AttributeError, ImportError, AssertionError, *own)


def _compiled(G: Generator, request: Request, name: str, fingerprint: str) -> Any:
    kind = f"{request.output}-{request.noise_mode}" + ("-inputs" if request.noise_inputs else "")
    ws, maps = example(G, request)
    drawing = Drawing(G, request).eval()
    model = kept_graph(fingerprint, f"{kind}-{request.batch}", Source(drawing, (ws, maps), [ws, *maps]))
    return compiled(model, name)


def compiled(model: Any, name: str) -> Any:
    """An OpenVINO model made ready for this processor, in the precision `name` (F32 or BF16)."""
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if name == BF16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    return core().compile_model(model, "CPU", options)


def kept_graph(fingerprint: str, kind: str, source: Source) -> Any:
    """The exported model, from the cache folder when it is there and whole; exported otherwise.

    Where a picture may be drawn meanwhile it is exported by a process of its own (see `engine.export_process`).
    """
    name = hashlib.sha256(f"{fingerprint}{version('torch')}{version('openvino')}".encode()).hexdigest()[:32]
    try:
        folder = cache.place("engine", f"{name}-{kind}")
    except TargetError as error:
        log.warning("the exported graph is not kept: %s", error)
        return _unkept(source)
    if folder.exists():
        try:
            return _read(folder)
        except (OSError, RuntimeError, ValueError) as error:
            log.warning("the exported graph %s is damaged and made again: %s", folder.name, one_line(error))
            shutil.rmtree(folder)
    if export_process.needed():
        return _exported_apart(source, folder)
    model = export(source.module, source.arguments, source.flat)
    keep(model, folder)
    return model


def _exported_apart(source: Source, folder: Path) -> Any:
    """The model, written into `folder` by another process; from elsewhere where it cannot be kept there."""
    part = folder.with_name(f"{folder.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        export_process.export(source.module, source.arguments, source.flat, part)
        place(part, folder)
        return _read(folder)
    except OSError as error:
        log.warning("the exported graph is not kept: %s", one_line(error))
        return _unkept(source)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unkept(source: Source) -> Any:
    """The model where no folder keeps it."""
    if not export_process.needed():
        return export(source.module, source.arguments, source.flat)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        export_process.export(source.module, source.arguments, source.flat, Path(folder) / "graph")
        return _read(Path(folder) / "graph")


def _read(folder: Path) -> Any:
    if (folder / DIGEST).read_text() != _digest(folder):
        raise ValueError("its sha256 is not what it was")
    os.utime(folder)
    return core().read_model(str(folder / GRAPH), str(folder / WEIGHTS))


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (GRAPH, WEIGHTS):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def export(module: torch.nn.Module, arguments: tuple[Any, ...], flat: Sequence[Tensor]) -> Any:
    """PyTorch module -> OpenVINO model for arguments of these shapes; `flat` are the tensors in them, in order."""
    ov = runtime()
    _exporter()
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        # PyTorch's exporter warns about its own parts.
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.export.export(module, arguments).run_decompositions(_decompositions())
        decoder = sys.modules[_DECODER].TorchFXPythonDecoder(program.module(check_guards=False), dynamic_shapes=True)
    frontend = ov.frontend.FrontEndManager().load_by_framework("pytorch")
    model = frontend.convert(frontend.load(decoder))
    for port, tensor in zip(model.inputs, flat, strict=True):
        port.get_node().set_partial_shape(ov.PartialShape(list(tensor.shape)))
    model.validate_nodes_and_infer_types()
    return model


def _decompositions() -> Any:
    """How operators are taken apart for OpenVINO: not those it knows whole (taken apart, reflection goes wrong)."""
    table = torch.export.default_decompositions()
    for operator in sys.modules[_WHOLE].ops_to_not_decompose():
        if operator in table:
            table.pop(operator)  # type: ignore[no-untyped-call]
    return table


def one_line(error: Exception) -> str:
    """The reason in one line: PyTorch's stands first, OpenVINO's below lines about its own source files."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return repr(error)
    return lines[-1] if "src/" in lines[0] else lines[0]


def keep(model: Any, folder: Path) -> None:
    """Writes a graph beside its place and moves it there, so that no one ever reads half of it."""
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        write(model, part)
        place(part, folder)
    except (OSError, RuntimeError) as error:
        # A full disk costs an export at each start.
        log.warning("the exported graph is not kept: %s", one_line(error))
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write(model: Any, folder: Path) -> None:
    """Writes a graph into a folder of its own. Raises OSError, RuntimeError."""
    folder.mkdir(parents=True, exist_ok=True)
    runtime().save_model(model, str(folder / GRAPH), compress_to_fp16=False)
    (folder / DIGEST).write_text(_digest(folder))


def place(part: Path, folder: Path) -> None:
    """Moves a whole graph to where it is kept, and makes room. Raises OSError."""
    try:
        part.rename(folder)
    except OSError:
        # Another process with the same graph was only faster.
        if not folder.exists():
            raise
    _prune(folder.parent)


def _prune(folder: Path) -> None:
    """Removes the graphs not used for longest, never the newest, and what killed processes left behind."""
    found = sorted(((_used(p), p) for p in folder.iterdir() if p.is_dir()), reverse=True)
    for used, part in found:
        if part.suffix == ".part" and time.time() - used > _ABANDONED:
            shutil.rmtree(part, ignore_errors=True)
    graphs = [path for _, path in found if path.suffix != ".part"]
    total = sum(_bytes(graph) for graph in graphs[:1])
    for graph in graphs[1:]:
        total += _bytes(graph)
        if total > MOST_BYTES:
            log.info("removing the exported graph %s, not used for longest", graph.name)
            shutil.rmtree(graph, ignore_errors=True)


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        # Another process cleaned up as well.
        return 0.0


def _bytes(graph: Path) -> int:
    return sum(file.stat().st_size for file in graph.glob("*") if file.is_file())


def _runner(G: Generator, request: Request, infer: Any) -> Run:
    def run(ws: Tensor, noise: Mapping[str, Tensor] | None) -> Tensor | NDArray[Any]:
        given = [ws.float(), *noise_inputs(G, request, len(ws), noise)]
        inputs = {i: np.ascontiguousarray(tensor.numpy()) for i, tensor in enumerate(given)}
        outputs = infer.infer(inputs, share_inputs=True, share_outputs=True)
        # The runtime writes the next pictures into the same memory.
        picture = outputs[0].copy()
        if request.output == "float":
            return torch.from_numpy(picture)
        check_number(float(outputs[1]))
        frames: NDArray[np.uint8] = picture
        return frames

    return run
