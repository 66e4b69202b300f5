"""Attacks in the torch files of ProGAN, DCGAN and lucidrains' StyleGAN2."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from tests.layouts import dcgan, lucidrains, progan
from tests.layouts.random_stylegan2 import random_state

from .kinds import COMMAND, Attack, file


class Payload:
    """What pickle's own writer makes of an object that runs a command."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (COMMAND,)


def saved(document: object, *, legacy: bool = False) -> bytes:
    stream = io.BytesIO()
    torch.save(document, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def changed(kind: str, **tensors: Tensor) -> Callable[[], bytes]:
    """A file of the kind with tensors replaced or added."""
    return lambda: saved(states()[kind] | {name.replace("__", "."): t for name, t in tensors.items()})


def states() -> dict[str, dict[str, Any]]:
    """A small right file of each kind."""
    return {
        "zoo": progan.random_port("zoo"),
        "akanimax": progan.random_port("akanimax"),
        "lucidrains": lucidrains.random_generator(),
        "dcgan": dcgan.state_dict(dcgan.random_network()),
    }


def with_payload(kind: str, *, legacy: bool = False) -> Callable[[], bytes]:
    """A right file with an object beside its tensors that runs a command."""
    return lambda: saved({**states()[kind], "optimizer": Payload()}, legacy=legacy)


def towering() -> bytes:
    """Fifteen levels of one channel, without noise maps: 60 kB that would draw 4 gigapixels."""
    return safetensors.torch.save(
        random_state(resolution=65536, widths={4 << i: 1 for i in range(15)}, use_noise=False)[0]
    )


def wide() -> bytes:
    """A constant of 4 x 32768."""
    return safetensors.torch.save(
        random_state(resolution=8, widths={4: 1, 8: 1}, init_res=(4, 32768), use_noise=False)[0]
    )


_ASKS = r"the file asks for '(posix|nt)\.system'"
ATTACKS: dict[str, Attack] = {
    "zoo: os.system beside the weights": file(with_payload("zoo"), _ASKS),
    "akanimax: os.system beside the weights": file(with_payload("akanimax"), _ASKS),
    "dcgan: os.system beside the weights": file(with_payload("dcgan"), _ASKS),
    "lucidrains: os.system beside the weights": file(with_payload("lucidrains"), _ASKS),
    "lucidrains: no levels": file(lambda: saved({"GE.initial_conv.weight": torch.ones(2, 2, 3, 3)}), "levels"),
    "lucidrains: 90 levels": file(
        changed("lucidrains", **{f"GE__blocks__{i}__conv2__weight": torch.ones(1, 1, 3, 3) for i in range(4, 90)}),
        "without a gap",
    ),
    "lucidrains: mapping of no dimensions": file(changed("lucidrains", SE__net__0__weight=torch.ones(())), "has shape"),
    "dcgan: os.system, old container": file(with_payload("dcgan", legacy=True), _ASKS),
    "zoo: shared bytes": file(
        lambda: saved({n: torch.zeros(1).expand(t.shape) for n, t in states()["zoo"].items()}), "a tensor of shape"
    ),
    "zoo: start of no dimensions": file(changed("zoo", formatLayer__module__weight=torch.ones(())), "tensor '|start"),
    "zoo: empty start": file(changed("zoo", formatLayer__module__weight=torch.ones(0, 4)), "has shape"),
    "zoo: a thousand layers": file(
        changed("zoo", **{f"scaleLayers__{i}__0__module__weight": torch.ones(1, 1, 3, 3) for i in range(5, 99)}),
        "without a gap",
    ),
    **{
        f"{kind}: 65,536 pixels a side": file(
            lambda kind=kind: saved(progan.random_port(kind, widths=(1,) * 15)), "pictures of 65536 pixels a side"
        )
        for kind in ("zoo", "akanimax")
    },
    "stylegan2: 65,536 pixels without noise": file(towering, "pictures of 65536 pixels a side", "net.safetensors"),
    "stylegan2: a start of 65,536 pixels": file(wide, "pictures of 65536 pixels a side", "net.safetensors"),
    "akanimax: flat start": file(changed("akanimax", layers__0__conv_1__weight=torch.ones(4)), "has shape|start"),
    "akanimax: unknown layer": file(changed("akanimax", layers__0__conv_3__weight=torch.ones(4)), "not one of pro_gan"),
    "dcgan: integers as weights": file(
        changed("dcgan", main__0__weight=torch.ones(10, 16, 4, 4, dtype=torch.int64)[:, :, :2]), "neither a transposed"
    ),
    "dcgan: normalisation of nothing": file(changed("dcgan", main__1__running_var=torch.ones(0)), "does not fit"),
    "dcgan: start of no dimensions": file(changed("dcgan", main__0__weight=torch.ones(())), "is neither"),
}
