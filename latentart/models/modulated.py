"""What the modulated convolutions of StyleGAN2 and StyleGAN3 share: one weight for all samples, scaled from outside."""

from __future__ import annotations

import torch
from torch import Tensor

from latentart.models import ops


class SharedConv(torch.nn.Module):
    """The part that modulated layers share: a style per input channel, one weight for all samples."""

    weight: torch.nn.Parameter

    def __init__(self, inputs: int, outputs: int, size: int, w_dim: int) -> None:
        super().__init__()
        self.affine = ops.Dense(w_dim, inputs, bias=1.0)
        self.weight = torch.nn.Parameter(ops.normal(outputs, inputs, size, size))
        self.bias = torch.nn.Parameter(torch.zeros(outputs))
        self._squares: tuple[tuple[object, ...], Tensor] | None = None

    def scales_kernel(self, x: Tensor, styles: Tensor) -> bool:
        """Whether styles go onto the kernel: for one sample that is the same, and often far fewer products.

        Not where gradients are wanted, which would have to pass through the kernel, nor in an exported graph, whose
        runtimes prepare constant kernels ahead.
        """
        if torch.compiler.is_compiling() or (torch.is_grad_enabled() and styles.requires_grad):
            return False
        return len(x) == 1 and self.weight.numel() < x.numel()

    def squares(self) -> Tensor:
        """Sum of the squared weights over the kernel, [outputs, inputs]; kept until the weight changes."""
        if self.weight.requires_grad or torch.compiler.is_compiling():
            return self.weight.square().sum(dim=(2, 3))
        version = 0 if self.weight.is_inference() else self.weight._version
        key = (self.weight.data_ptr(), version, self.weight.device, self.weight.dtype)
        if self._squares is None or self._squares[0] != key:
            # Kept beyond this call, so it must not be bound to a caller's inference mode.
            with torch.inference_mode(False), torch.no_grad():
                self._squares = (key, self.weight.square().sum(dim=(2, 3)))
        return self._squares[1]
