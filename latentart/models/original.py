"""NVIDIA's own code behind our contract, from the user's checkout, in a process of its own.

A checkpoint of NVIDIA's contains Python source, and the original runs it. So does this, on request and after an
explicit word of trust: with the rights of the user, but outside this process, where nothing of it is imported.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentart import seeds
from latentart.errors import SettingsError, WeightsError
from latentart.models.base import Generator, Mapper, NoiseMode, Synthesizer, check_noise_mode, check_published

FAMILY_OF_ORIGINALS = "nvidia-original"
WORKER = Path(__file__).with_name("original_worker.py")
LARGEST_ANSWER = 1 << 32
SAME = 1e-3
"""Relative error up to which pictures count as the same: far below what an eye or 8 bits can distinguish."""


class Process:
    """The worker: arrays go in, arrays come out."""

    def __init__(self, checkout: Path, file: Path, device: str) -> None:
        command = [sys.executable, str(WORKER), str(checkout.resolve()), str(file.resolve()), device]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.close = weakref.finalize(self, _end, self.process)
        self.facts, self.w_avg = self.answer()

    def ask(self, call: str, arrays: list[Tensor], **settings: Any) -> Tensor:
        """Calls 'mapping' or 'synthesis' there. Raises WeightsError with the original's message."""
        assert self.process.stdin is not None
        plain = [a.detach().float().cpu().contiguous().numpy().astype("<f4") for a in arrays]
        head = json.dumps({"call": call, "shapes": [a.shape for a in plain], **settings})
        try:
            self.process.stdin.write(head.encode() + b"\n" + b"".join(a.tobytes() for a in plain))
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise WeightsError(f"the original's process has ended: {self.last_words()}") from error
        return self.answer()[1]

    def answer(self) -> tuple[dict[str, Any], Tensor]:
        """(header, array) of the next answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline(1 << 20)
        if not line:
            raise WeightsError(f"the original's process ended without an answer: {self.last_words()}")
        header = json.loads(line)
        if "error" in header:
            raise WeightsError(f"the original says: {' '.join(str(header['error']).split())[:300]}")
        size = 4 * math.prod(header["shape"])
        data = self.process.stdout.read(size) if size <= LARGEST_ANSWER else b""
        if len(data) < size:
            raise WeightsError(f"the original's process ended in the middle of an answer: {self.last_words()}")
        return header, torch.from_numpy(np.frombuffer(data, "<f4").reshape(header["shape"]).copy())

    def last_words(self) -> str:
        """The last line of what it wrote to its error stream."""
        assert self.process.stderr is not None
        self.process.kill()
        lines = self.process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    process.kill()
    process.wait()


class OriginalMapping(Mapper):
    """z and class to ws, computed there."""

    def __init__(self, process: Process, c_dim: int) -> None:
        super().__init__()
        self.process, self.c_dim = process, c_dim
        self.register_buffer("w_avg", process.w_avg.reshape(-1))

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        **published: Any,
    ) -> Tensor:
        """[N, z_dim], [N, c_dim] -> [N, num_ws, w_dim]."""
        check_published(published)
        if self.c_dim and c is None:
            raise SettingsError(f"this model has {self.c_dim} classes: pass c, [N, {self.c_dim}]")
        label = torch.zeros(len(z), self.c_dim) if c is None else c
        settings = {"truncation_psi": truncation_psi, "truncation_cutoff": truncation_cutoff}
        return self.process.ask("mapping", [z, label], **settings).to(self.w_avg)


class OriginalSynthesis(Synthesizer):
    """ws to image, computed there; without gradients."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.process = process

    def forward(
        self,
        ws: Tensor,
        *,
        noise_mode: NoiseMode = "const",
        noise: Mapping[str, Tensor] | None = None,
        **published: Any,
    ) -> Tensor:
        """[N, num_ws, w_dim] -> [N, C, H, W]. Raises SettingsError for gradients and for given noise."""
        check_published(published)
        if noise or (torch.is_grad_enabled() and ws.requires_grad):
            raise SettingsError("the original takes no noise maps and gives no gradients: leave out backend='nvidia'")
        return self.process.ask("synthesis", [ws], noise_mode=check_noise_mode(noise_mode)).to(ws)


class Original(Generator):
    """A generator that NVIDIA's code runs."""

    def __init__(self, process: Process, name: str) -> None:
        super().__init__()
        facts = process.facts
        self.family, self.name = FAMILY_OF_ORIGINALS, name
        self.z_dim, self.c_dim, self.w_dim = facts["z_dim"], facts["c_dim"], facts["w_dim"]
        self.num_ws, self.img_channels = facts["num_ws"], facts["img_channels"]
        self.img_size = (facts["img_resolution"], facts["img_resolution"])
        self.noise_shapes = {}
        self.mapping = OriginalMapping(process, self.c_dim)
        self.synthesis = OriginalSynthesis(process)
        self.close = process.close


def open_original(file: str | Path, checkout: str | Path | None, device: str = "cpu", *, trust: bool) -> Original:
    """The generator of a .pkl, run by the checkout of stylegan2-ada-pytorch or stylegan3.

    Raises SettingsError without trust or a checkout, WeightsError with the original's message.
    """
    folder = Path(checkout or "").expanduser()
    if checkout is None or not (folder / "legacy.py").is_file():
        what = "a checkout of stylegan2-ada-pytorch or stylegan3, which has a legacy.py"
        raise SettingsError(f"no checkout of NVIDIA's code at {str(checkout)!r}: name {what}")
    if not trust:
        raise SettingsError(
            f"this runs the Python source inside {str(file)!r} and the code in {str(checkout)!r}, with your rights:"
            " add --trust (trust=True) if you know who made both"
        )
    if not Path(file).is_file():
        raise WeightsError(f"cannot read {str(file)!r}: there is no such file (check the path)")
    return Original(Process(folder, Path(file), device), Path(file).stem)


def differences(ours: Generator, theirs: Generator, numbers: Iterable[int]) -> dict[str, float]:
    """How far two generators of the same file are apart over seeds, with psi 0.7 and 1.

    relative: norm of the difference over the norm of the original's pictures; largest: of one value, where pictures
    span -1 .. 1; levels: the same in steps of 255.
    """
    apart, whole, largest = 0.0, 0.0, 0.0
    with torch.no_grad():
        for number in numbers:
            z = torch.from_numpy(seeds.z(number, ours.z_dim)).float()
            c = torch.eye(ours.c_dim)[[number % ours.c_dim]] if ours.c_dim else None
            for psi in (0.7, 1.0):
                found = ours.synthesis(ours.mapping(z, c, truncation_psi=psi)).cpu()
                wanted = theirs.synthesis(theirs.mapping(z, c, truncation_psi=psi)).cpu()
                apart += float((found - wanted).square().sum())
                whole += float(wanted.square().sum())
                largest = max(largest, float((found - wanted).abs().max()))
    return {"relative": math.sqrt(apart / whole), "largest": largest, "levels": largest * 127.5}
