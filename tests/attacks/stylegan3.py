"""Attacks in the pickle of a StyleGAN3 checkpoint."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tests.layouts import nvidia, random_stylegan3

from .kinds import COMMAND, Attack, file


def document(change: Callable[[nvidia.Network], None]) -> bytes:
    """A small StyleGAN3 that is right but for what `change` does to its generator."""
    generator = random_stylegan3.network(*random_stylegan3.random_state(resolution=16))
    change(generator)
    with nvidia.stand_ins():
        return pickle.dumps({"G_ema": generator}, 4)


def layer(**attributes: Any) -> Callable[[], bytes]:
    """The third layer with other attributes."""
    return lambda: document(lambda G: G.at("synthesis.L2_36_12").state.update(attributes))


def start(**attributes: Any) -> Callable[[], bytes]:
    return lambda: document(lambda G: G.at("synthesis.input").state.update(attributes))


def renamed_layer() -> bytes:
    """A layer whose name claims a picture of ten gigapixels."""

    def change(generator: nvidia.Network) -> None:
        modules = generator.at("synthesis").state["_modules"]
        modules["L14_99999_3"] = modules.pop("L14_16_3")
        modules["L14_99999_3"].state["out_size"] = np.array([99999, 99999])

    return document(change)


def source(generator: nvidia.Network) -> None:
    for module in [generator, *(m for _, m in generator.modules())]:
        module.source = f"import os\nos.system('''{COMMAND}''')\n"


ATTACKS: dict[str, Attack] = {
    "stylegan3: embedded source": file(lambda: document(source), None),
    "stylegan3: XL": file(lambda: document(lambda G: setattr(G, "class_name", "SuperresGenerator")), "StyleGAN-XL"),
    "stylegan3: gigapixel layer": file(renamed_layer, "impossible"),
    "stylegan3: padding of gigapixels": file(layer(padding=[10**9] * 4), "does not make"),
    "stylegan3: padding of text": file(layer(padding=["x"] * 4), "does not make"),
    "stylegan3: factor of a million": file(layer(up_factor=10**6), "impossible"),
    "stylegan3: factor zero": file(layer(up_factor=0), "impossible"),
    "stylegan3: negative size": file(layer(out_size=np.array([-36, -36])), "impossible"),
    "stylegan3: input of gigapixels": file(start(size=np.array([10**9, 10**9])), "makes no sense"),
    "stylegan3: rate that is text": file(start(sampling_rate="16"), "makes no sense"),
    "stylegan3: filter of a megapixel": file(
        lambda: document(lambda G: G.at("synthesis.L2_36_12").state["_buffers"].update(up_filter=torch.ones(1 << 16))),
        "filter 'synthesis.L2_36_12.up_filter' has shape",
    ),
    "stylegan3: channels that do not fit": file(
        lambda: document(lambda G: G.add("synthesis.L2_36_12.weight", torch.ones(12, 5, 3, 3))), "reads 5 channels"
    ),
}  # fmt: skip
