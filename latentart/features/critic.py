"""A checkpoint's own discriminator as a feature network: it has learned what matters in this kind of picture.

The discriminator of StyleGAN2 (Karras et al. 2020, arXiv:1912.04958, section 4.1), which StyleGAN3 uses too, up to
its 4x4 layers: written from the paper, read from NVIDIA's pickles.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from latentart.errors import PictureError, SettingsError, WeightsError, unknown
from latentart.features.lpips import Lpips
from latentart.models import ops
from latentart.weights import safe
from latentart.weights.containers import nvidia_pickle

NAME, FAMILY = "critic", "stylegan2-critic"
ARCHITECTURES = ("orig", "skip", "resnet")
SHARE = 0.2
"""Weight of each layer's squared difference of unit vectors, which brings distances near those of LPIPS."""


def critic(path: str | Path, device: str | torch.device = "cpu") -> Lpips:
    """The perceptual distance through the discriminator of an NVIDIA pickle, or of a critic.safetensors that
    `latentart train gan` wrote: unit vectors, all channels alike.

    Raises WeightsError when the file has none.
    """
    trunk = CriticTrunk(*_stored(Path(path)))
    heads = {name: torch.full([width], SHARE) for name, width in trunk.widths.items()}
    return Lpips(NAME, trunk, heads).to(device)


def _stored(path: Path) -> tuple[Mapping[str, Tensor], Mapping[str, object]]:
    """Tensors and config of a stored discriminator."""
    if path.suffix == ".pkl":
        return nvidia_pickle.read_critic(path)
    if path.suffix == ".safetensors" and path.is_file():
        found = safe.read(path)
        if found.config.get("family") == FAMILY:
            return found.tensors, found.config
    raise WeightsError(
        f"{str(path)!r} keeps no discriminator: NVIDIA's .pkl and critic.safetensors do, use --features vgg16-relu3_3"
    )


class CriticTrunk(torch.nn.Module):
    """Pictures -> what each block of a discriminator makes of them, by the block's name: 'b256', 'b128'...

    tensors: 'b256.conv0.weight' and so on, config: architecture, img_channels, conv_clamp. Raises WeightsError when
    something is missing or does not fit.
    """

    kernel: Tensor

    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, object]) -> None:
        super().__init__()
        self.architecture = str(config.get("architecture", "resnet"))
        if self.architecture not in ARCHITECTURES:
            raise WeightsError(unknown("discriminator architecture", self.architecture, ARCHITECTURES))
        clamp = config.get("conv_clamp")
        self.clamp = float(clamp) if isinstance(clamp, (int, float)) else None
        sizes = sorted({int(n[1:].partition(".")[0]) for n in tensors if n[1:].partition(".")[0].isdigit()})[::-1]
        self.names = [f"b{size}" for size in sizes if size > 4]
        if not self.names:
            raise WeightsError("a discriminator without blocks: this file's D is of another kind than StyleGAN2's")
        self.resolution = max(sizes)
        for i, name in enumerate(self.names):
            for part in self._parts(first=i == 0):
                self._take(tensors, f"{name}.{part}")
        self.widths = {name: len(self.get_buffer(_key(f"{name}.conv1.weight"))) for name in self.names}
        self.channels = self.get_buffer(_key(f"{self.names[0]}.fromrgb.weight")).shape[1]
        self.register_buffer("kernel", ops.smooth())
        self.requires_grad_(False).eval()

    def forward(self, img: Tensor, taps: Sequence[str]) -> list[Tensor]:
        """img [N, C, H, W] in [-1, 1] -> [N, width, h, w] of the blocks `taps`.

        Pictures are brought to the size that the discriminator has learned. Raises SettingsError, PictureError.
        """
        if wrong := [tap for tap in taps if tap not in self.names]:
            raise SettingsError(unknown("layer", wrong[0], self.names))
        if img.shape[1] != self.channels:
            raise PictureError(f"a picture of {img.shape[1]} channels, this discriminator reads {self.channels}")
        img = _enlarged(img, self.resolution)
        found: dict[str, Tensor] = {}
        x: Tensor | None = None
        for name in self.names:
            if x is None or self.architecture == "skip":
                seen = self._conv(img, f"{name}.fromrgb")
                x = seen if x is None else x + seen
                img = self._halved(img)
            x = found[name] = self._block(x, name)
            if all(tap in found for tap in taps):
                break
        return [found[tap] for tap in taps]

    def _block(self, x: Tensor, name: str) -> Tensor:
        gain = math.sqrt(0.5) if self.architecture == "resnet" else 1.0
        out = self._conv(self._conv(x, f"{name}.conv0"), f"{name}.conv1", gain, down=True)
        if self.architecture != "resnet":
            return out
        weight = self.get_buffer(_key(f"{name}.skip.weight"))
        return out + gain * F.conv2d(self._halved(x), weight)

    def _conv(self, x: Tensor, name: str, gain: float = 1.0, *, down: bool = False) -> Tensor:
        weight, bias = (self.get_buffer(_key(f"{name}.{part}")) for part in ("weight", "bias"))
        if down:
            # Smoothed first; the two rows of zeros on each side stand in for the convolution's own.
            x = F.conv2d(x, self.kernel.expand(x.shape[1], 1, 4, 4), padding=2, groups=x.shape[1])
        padding = 0 if down else weight.shape[2] // 2
        out = ops.lrelu(F.conv2d(x, weight, bias, stride=2 if down else 1, padding=padding)) * gain
        return ops.clamped(out, None if self.clamp is None else self.clamp * gain)

    def _halved(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel.expand(x.shape[1], 1, 4, 4), stride=2, padding=1, groups=x.shape[1])

    def _parts(self, *, first: bool) -> list[str]:
        parts = ["conv0.weight", "conv0.bias", "conv1.weight", "conv1.bias"]
        parts += ["fromrgb.weight", "fromrgb.bias"] if first or self.architecture == "skip" else []
        return [*parts, *(["skip.weight"] if self.architecture == "resnet" else [])]

    def _take(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Keeps a tensor, weights scaled once as they are used (equalised learning rate)."""
        tensor = tensors.get(name)
        wanted = 4 if name.endswith("weight") else 1
        if tensor is None or tensor.ndim != wanted:
            found = "missing" if tensor is None else f"of shape {list(tensor.shape)}"
            raise WeightsError(f"discriminator: {name!r} is {found}: this file's D is of another kind than StyleGAN2's")
        scaled = tensor.float() / math.sqrt(tensor[0].numel()) if wanted == 4 else tensor.float()
        self.register_buffer(_key(name), scaled)


def _key(name: str) -> str:
    return name.replace(".", "_")


def _enlarged(img: Tensor, resolution: int) -> Tensor:
    scale = resolution / max(img.shape[2:])
    if scale == 1:
        return img
    size = (round(img.shape[2] * scale), round(img.shape[3] * scale))
    return F.interpolate(img, size=size, mode="bilinear", align_corners=False, antialias=scale < 1)
