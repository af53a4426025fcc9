"""bitsandbytes' 4-bit layers in sizes alone, under the names that peft looks for; bitsandbytes itself need not be there.

What is stored and what a product takes is read from `bitsandbytes/functional.py` and `autograd/_functions.py` (`MatMul4Bit`).
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from typing import Any

import torch

VERSION = "0.50.2"


class Params4bit(torch.nn.Parameter):
    """The name that libraries look for; a packed matrix is a plain parameter here."""


def packed(like: Any, rows: int, columns: int, *, nested: bool) -> Any:
    """Return a packed matrix, with what its scales take: blocks of 64, and nested blocks of 256."""
    new, byte, wide = like.new_empty, torch.uint8, torch.float32
    weight = torch.nn.Parameter(new((rows * columns // 2, 1), dtype=byte), requires_grad=False)
    blocks = (rows * columns + 63) // 64
    weight.rows, weight.columns = rows, columns
    weight.quant_type, weight.compress_statistics, weight.bnb_quantized = "nf4", nested, True
    scales = [((blocks,), byte), (((blocks + 255) // 256,), wide), ((256,), wide), ((16,), wide)]
    weight.scales = [new(size, dtype=kind) for size, kind in (scales if nested else [((blocks,), wide), ((16,), wide)])]
    weight.quant_state = types.SimpleNamespace(shape=(rows, columns), nested=nested)
    return weight


class Product(torch.autograd.Function):
    """`MatMul4Bit`: the 16-bit matrix is there only meanwhile."""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, bias: Any) -> Any:
        """Multiply, and keep nothing but the packed matrix."""
        ctx.weight = weight
        return torch.nn.functional.linear(x, whole(weight, x.dtype), bias)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        """Multiply by the matrix once more."""
        return torch.matmul(gradient, whole(ctx.weight, gradient.dtype)), None, None


def whole(weight: Any, dtype: Any) -> Any:
    """Give the matrix in 16 bit; its scales are in fp32 while it is made."""
    scales = weight.data.new_empty((weight.rows * weight.columns // 64,), dtype=torch.float32)
    out = weight.data.new_empty((weight.rows, weight.columns), dtype=dtype)
    del scales
    return out


class Linear4bit(torch.nn.Linear):
    """A linear layer whose weight is packed."""

    def __init__(self, old: Any, dtype: Any, *, nested: bool) -> None:
        torch.nn.Module.__init__(self)
        self.in_features, self.out_features = old.in_features, old.out_features
        self.weight = packed(old.weight.data, old.out_features, old.in_features, nested=nested)
        self.bias = old.bias
        self.compute_dtype, self.quant_storage = dtype, torch.uint8

    def forward(self, x: Any) -> Any:
        """Run `Linear4bit.forward`: in the type of computation, and back."""
        before = x.dtype
        x = x.to(self.compute_dtype)
        bias = None if self.bias is None else self.bias.to(self.compute_dtype)
        return Product.apply(x, self.weight, bias).to(before)


def install() -> None:
    """Let `import bitsandbytes` find these layers and nothing else."""
    module, nn, functional = (types.ModuleType(f"bitsandbytes{name}") for name in ("", ".nn", ".functional"))
    for each in (module, nn, functional):
        each.__spec__ = importlib.machinery.ModuleSpec(each.__name__, None)
        sys.modules[each.__name__] = each
    module.__version__, module.nn, module.functional = VERSION, nn, functional  # type: ignore[attr-defined]
    nn.Linear4bit, nn.Params4bit = Linear4bit, Params4bit  # type: ignore[attr-defined]
    nn.Linear8bitLt = nn.Int8Params = type("Linear8bitLt", (), {})  # type: ignore[attr-defined]


def quantise(model: Any, dtype: Any, *, nested: bool) -> None:
    """Replace every linear layer but the head, as `load_in_4bit` does."""
    head = model.get_output_embeddings()
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear and child is not head:
                setattr(module, name, Linear4bit(child, dtype, nested=nested))
    model.is_loaded_in_4bit = True
