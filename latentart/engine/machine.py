"""What decides how fast a generator runs, as a key: the machine, the versions and the weights."""

from __future__ import annotations

import hashlib
import os
import platform
from importlib import metadata
from pathlib import Path

import torch

from latentart import __version__
from latentart.models.base import Generator

PACKAGES = ("torch", "openvino", "numpy", "av")


def versions() -> dict[str, str]:
    """Package -> version, '' when it is not installed."""
    return {"latentart": __version__} | {package: version(package) for package in PACKAGES}


def version(package: str) -> str:
    """Version of an installed package, or ''."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def processor() -> str:
    """Name and core count of the processor: 'AMD EPYC 9B45, 2 cores'."""
    return f"{_processor_name()}, {cores()} cores"


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spins() -> bool:
    """Whether OpenMP's threads spin while they wait, as they do unless OMP_WAIT_POLICY was set before torch came."""
    return torch.get_num_threads() > 1 and os.environ.get("OMP_WAIT_POLICY", "").upper() != "PASSIVE"


def _processor_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def device_name(device: torch.device) -> str:
    """The processor's or the GPU's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor() if device.type == "cpu" else f"{device.type} on {processor()}"


def fingerprint(G: Generator) -> str:
    """sha256 over everything that decides G's pictures: the code that draws, layers and their switches, tensors."""
    return digest(G.synthesis, "models/*.py", "engine/**/*.py")


def digest(network: torch.nn.Module, *programs: str) -> str:
    """sha256 over a network's layers, switches and tensors, and the program text that `programs` match."""
    package = Path(__file__).parent.parent
    files = sorted(file for pattern in programs for file in package.glob(pattern))
    found = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    for name, module in network.named_modules():
        found.update(f"{name}:{type(module).__module__}.{type(module).__qualname__}:{_switches(module)};".encode())
    for name, tensor in network.state_dict().items():
        found.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def _switches(module: torch.nn.Module) -> list[tuple[str, object]]:
    """Plain settings of a layer, such as its clamp or whether it doubles the size."""
    plain = (bool, int, float, str, tuple, type(None))
    return sorted((k, v) for k, v in vars(module).items() if k[0] != "_" and k != "training" and isinstance(v, plain))
