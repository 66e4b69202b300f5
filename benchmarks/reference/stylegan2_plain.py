"""StyleGAN2's synthesis as its paper reads, in plain PyTorch of any precision: the reference of `benchmarks/gpu.py`.

Karras et al. 2020 (arXiv:1912.04958), section 2.2, without a kernel for each sample: the input is scaled by the style,
convolved with the weight that all share, and the output scaled by the demodulation. Weights and styles are divided by
their own size first, which demodulation undoes, so that half precision does not overflow. Channels last. Shares no line
with `latentart`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

GAIN = math.sqrt(2)


class Plain:
    """The skip architecture made of tensors in NVIDIA's names, on their device, its maps in `dtype`."""

    def __init__(self, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> None:
        self.tensors, self.dtype = {name: tensor.float() for name, tensor in tensors.items()}, dtype
        self.blocks = sorted({name.split(".")[0] for name in tensors}, key=lambda name: int(name[1:]))
        self.norms: dict[str, Tensor] = {}
        self.kernels: dict[str, Tensor] = {}
        for name in [name.removesuffix(".weight") for name in tensors if ".conv" in name and name.count(".") == 2]:
            if f"{name}.weight" in self.tensors:
                self._prepare(name)
        line = torch.tensor([1.0, 3.0, 3.0, 1.0], device=next(iter(tensors.values())).device) / 4
        self.taps = torch.outer(line, line).to(dtype)

    def _prepare(self, name: str) -> None:
        weight = self.tensors[f"{name}.weight"]
        weight = weight / weight.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
        self.norms[name] = weight.square().sum(dim=(2, 3)).t()  # [in, out]
        turned = weight.transpose(0, 1) if name.endswith("conv0") else weight
        self.kernels[name] = turned.to(self.dtype).contiguous(memory_format=torch.channels_last)

    def __call__(self, ws: Tensor) -> Tensor:
        """ws [N, num_ws, w_dim] -> [N, 3, H, W] float32, noise const."""
        rows = iter(ws.unbind(dim=1))
        x = self.tensors["b4.const"].to(self.dtype).repeat(len(ws), 1, 1, 1)
        x = x.contiguous(memory_format=torch.channels_last)
        img, w = None, next(rows)
        for block in self.blocks:
            if block != "b4":
                x = self._styled(x, w, f"{block}.conv0")
                w = next(rows)
            x = self._styled(x, w, f"{block}.conv1")
            w = next(rows)
            rgb = self._rgb(x, w, f"{block}.torgb")
            img = rgb if img is None else rgb + self._doubled(img)
        assert img is not None
        return img.float()

    def _style(self, w: Tensor, name: str) -> Tensor:
        weight = self.tensors[f"{name}.affine.weight"]
        return F.linear(w, weight / math.sqrt(weight.shape[1]), self.tensors[f"{name}.affine.bias"])

    def _styled(self, x: Tensor, w: Tensor, name: str) -> Tensor:
        style = self._style(w, name)
        style = style / style.abs().amax(dim=1, keepdim=True)
        scale = (style.square() @ self.norms[name] + 1e-8).rsqrt()
        x = x * style.to(self.dtype)[:, :, None, None]
        if name.endswith("conv0"):
            x = self._filtered(F.conv_transpose2d(x, self.kernels[name], stride=2), 1)
        else:
            x = F.conv2d(x, self.kernels[name], padding=1)
        noise = (self.tensors[f"{name}.noise_const"] * self.tensors[f"{name}.noise_strength"]).to(self.dtype)
        x = x * scale.to(self.dtype)[:, :, None, None] + noise
        x = x + self.tensors[f"{name}.bias"].to(self.dtype)[:, None, None]
        return F.leaky_relu(x, 0.2) * GAIN

    def _rgb(self, x: Tensor, w: Tensor, name: str) -> Tensor:
        weight = self.tensors[f"{name}.weight"]
        style = self._style(w, name) / math.sqrt(weight.shape[1])
        x = F.conv2d(x * style.to(self.dtype)[:, :, None, None], weight.to(self.dtype))
        return x.float() + self.tensors[f"{name}.bias"][:, None, None]

    def _filtered(self, x: Tensor, pad: int) -> Tensor:
        taps = self.taps.to(x.dtype).expand(x.shape[1], 1, 4, 4)
        return F.conv2d(x, taps, padding=pad, groups=x.shape[1])

    def _doubled(self, img: Tensor) -> Tensor:
        n, channels, height, width = img.shape
        spread = img.new_zeros(n, channels, height, 2, width, 2)
        spread[:, :, :, 0, :, 0] = img
        padded = F.pad(spread.reshape(n, channels, 2 * height, 2 * width), (2, 1, 2, 1))
        return self._filtered(padded, 0)
