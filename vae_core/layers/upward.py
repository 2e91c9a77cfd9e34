"""The transposed convolution of every decoder, and a quicker way through it in bf16 on a processor.

oneDNN 3.12 loses a sixth of the default VAE's step at two places. The gradient of a bias goes by a plain loop: 2.7 ms
of a step of 30 (batches of 128), where a sum takes 0.05. And one map, a grey image, is computed as sixteen of which
fifteen are thrown away: 2.6 ms, where a matrix product whose nine values a pixel are added where they overlap takes
0.7. For three maps that is no quicker. In fp32, and on other devices, the layer is PyTorch's own, bit for bit.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn
from torch.autograd.function import once_differentiable

_STRIDE, _PADDING, _DILATION, _OUTPUT_PADDING, _GROUPS = [2, 2], [1, 1], [1, 1], [1, 1], 1


class UpwardConvolution(nn.ConvTranspose2d):
    """Doubles height and width by a transposed convolution of kernel 3, with PyTorch's parameters."""

    bias: nn.Parameter

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, kernel_size=3, stride=2, padding=1, output_padding=1)

    def forward(self, maps: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Spread maps (B, I, H, W) to (B, O, 2H, 2W)."""
        plain = maps.device.type != "cpu" or maps.ndim != 4 or output_size is not None
        if plain or not torch.is_autocast_enabled("cpu") or torch.get_autocast_dtype("cpu") != torch.bfloat16:
            return super().forward(maps, output_size)
        spread: torch.Tensor = Spread.apply(maps.to(torch.bfloat16), self.weight, self.bias)  # type: ignore[no-untyped-call]
        return spread


class Spread(torch.autograd.Function):
    """The transposed convolution in the format of the maps, of parameters in their own.

    Derived once, not twice, and not by `torch.func`, which asks for another form of function.
    """

    @staticmethod
    def forward(ctx: Any, maps: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Spread maps (B, I, H, W) by a kernel (I, O, 3, 3) and a bias (O,); one map comes in the bias's format."""
        rounded = kernel.to(maps.dtype)
        ctx.save_for_backward(maps, rounded)
        ctx.format = kernel.dtype
        if kernel.shape[1] == 1:
            return _spread_to_one(maps, rounded, bias)
        return functional.conv_transpose2d(maps, rounded, bias.to(maps.dtype), _STRIDE, _PADDING, _OUTPUT_PADDING)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Gradients of maps, kernel and bias: oneDNN's of the first two."""
        maps, rounded = ctx.saved_tensors
        shape = (_STRIDE, _PADDING, _DILATION, True, _OUTPUT_PADDING, _GROUPS)
        wanted = [*ctx.needs_input_grad[:2], False]
        of_maps, of_kernel, _ = torch.ops.aten.convolution_backward(
            gradient.to(maps.dtype), maps, rounded, None, *shape, wanted
        )
        of_bias = gradient.sum((0, 2, 3)).to(ctx.format) if ctx.needs_input_grad[2] else None
        return of_maps, None if of_kernel is None else of_kernel.to(ctx.format), of_bias


def _spread_to_one(maps: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Spread maps (B, I, H, W) by a kernel (I, 1, 3, 3) to (B, 1, 2H, 2W): products, added in the bias's format."""
    height, width = maps.shape[2:]
    products = torch.matmul(kernel.flatten(1).t(), maps.flatten(2)).to(bias.dtype)
    return functional.fold(products, (2 * height, 2 * width), kernel_size=3, padding=1, stride=2) + bias
