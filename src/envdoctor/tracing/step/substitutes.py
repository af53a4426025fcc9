"""What CUDA's kernels do with memory, in the place of what the CPU's do: attention, softmax, autocast's rules, Triton's kernels.

Facts of the code, no measurements: `autocast_mode.h` of the installed torch names the operations that autocast runs in fp32 on CUDA; what
attention takes on its way back is what flash-attention 2 allocates in `mha_bwd`, and cuDNN on sm_90 alike.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import torch
from torch.nn import functional

_kept: list[Any] = []  # libraries of kernels last as long as their object
# what autocast runs in fp32 on CUDA, should the header be missing
_FP32: tuple[str, ...] = (
    "exp",
    "log",
    "rsqrt",
    "reciprocal",
    "pow.Tensor_Scalar",
    "pow.Tensor_Tensor",
    "pow.Scalar",
    "softplus",
    "layer_norm",
)
_FP32 += ("native_layer_norm", "group_norm", "nll_loss", "logsumexp")
_WIDE = ("prod", "softmax.int", "log_softmax.int", "cumprod", "cumsum", "sum", "sum.dim_IntList")


_WIDEST = 256  # columns of a head that the kernels take


class Attention(torch.autograd.Function):
    """Attention in one kernel: its output and one fp32 figure a row and head; on the way back room for an fp32 sum of dq."""

    @staticmethod
    def forward(ctx: Any, q: Any, k: Any, v: Any, mask: Any) -> Any:
        """Take the output, in the order (batch, length, heads) that the kernels write, and keep all."""
        batch, heads, length, _ = q.shape
        out = q.new_empty((batch, length, heads, v.shape[-1])).transpose(1, 2)
        sums = q.new_empty((batch, heads, length), dtype=torch.float32)
        ctx.save_for_backward(q, k, v, mask, out, sums)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        """Take the three gradients, and room for the length of the kernel."""
        q, k, v, _, _, _ = ctx.saved_tensors
        batch, heads, length, size = q.shape
        found = [x.new_empty((x.shape[0], x.shape[2], x.shape[1], x.shape[3])).transpose(1, 2) for x in (q, k, v)]
        spread = 4 * size if k.shape[1] != heads else 0  # dk and dv of every query head, where heads share keys
        q.new_empty((batch * heads * length * (4 * size + spread + 4),), dtype=torch.uint8)
        return (*found, None)


def attention(  # noqa: PLR0917 - the arguments of the function that it stands for
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, **more: Any
) -> Any:
    """Stand for `scaled_dot_product_attention`, which has no kernel for heads that are spread, or wider than 256."""
    if torch.is_autocast_enabled("cpu"):
        half = torch.get_autocast_dtype("cpu")
        query, key, value = query.to(half), key.to(half), value.to(half)
    if query.shape[-1] > _WIDEST or (key.shape[1] != query.shape[1] and not more.get("enable_gqa")):
        with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)):
            return torch.ops.aten._scaled_dot_product_attention_math(query, key, value, attn_mask, dropout_p, is_causal, **more)[0]
    if attn_mask is not None and attn_mask.dtype is torch.bool:
        attn_mask = attn_mask.to(query.dtype)
    return Attention.apply(query, key, value, attn_mask)


class HalfSoftmax(torch.autograd.Function):
    """Softmax from fp16 into fp32: one kernel on CUDA."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        """Take the output, and keep it."""
        out = torch.empty_like(x, dtype=torch.float32)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        """Take the gradient, and a product of its size meanwhile, as `_softmax_backward_data` does."""
        (out,) = ctx.saved_tensors
        found = torch.empty_like(out, dtype=torch.float16)
        torch.empty_like(out)
        return found


_softmax = functional.softmax


def softmax(input: Any, dim: Any = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """Stand for `torch.nn.functional.softmax`."""
    if input.dtype is torch.float16 and dtype is torch.float32 and not torch.is_autocast_enabled("cpu"):
        return HalfSoftmax.apply(input)
    return _softmax(input, dim, _stacklevel, dtype)


def told(name: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """Return the operations that a list of `autocast_mode.h` names."""
    path = os.path.join(os.path.dirname(torch.__file__), "include", "ATen", "autocast_mode.h")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return otherwise
    block = re.search(rf"#define {name}\(_\)(.*?[^\\])\n", text, re.DOTALL)
    found = re.findall(r"_\((\w+)(?:,\s*(\w+))?\)", block.group(1)) if block else []
    return tuple(".".join(part for part in each if part) for each in found) or otherwise


def operation(name: str) -> Any:
    """Return an operation by its name, or None where this torch has none of it."""
    base, _, overload = name.partition(".")
    packet = getattr(torch.ops.aten, base, None)
    return getattr(packet, overload or "default", None) if packet is not None else None


def is_half(x: Any) -> bool:
    """Tell whether this is a tensor of 16 bit."""
    return isinstance(x, torch.Tensor) and x.dtype in (torch.float16, torch.bfloat16)


def widen(op: Any, keys: Any) -> Any:
    """Return a kernel that casts every 16-bit argument to fp32 first."""

    def kernel(*args: Any, **kwargs: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(keys):
            return op(*[x.float() if is_half(x) else x for x in args], **{k: x.float() if is_half(x) else x for k, x in kwargs.items()})

    return kernel


def set_type(op: Any, keys: Any) -> Any:
    """Return a kernel that asks for an fp32 result where none is asked for."""
    names = [argument.name for argument in op._schema.arguments]
    place = names.index("dtype")

    def kernel(*args: Any, **kwargs: Any) -> Any:
        with torch._C._ExcludeDispatchKeyGuard(keys):
            given = kwargs.get("dtype") if len(args) <= place else args[place]
            if given is None and args[0].is_floating_point():
                args, kwargs = args[:place], {**kwargs, "dtype": torch.float32}
            return op(*args, **kwargs)

    return kernel


def follow_cuda_autocast() -> None:
    """Let autocast on the CPU follow CUDA's rules."""
    keys = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)
    library = torch.library.Library("aten", "IMPL")
    _kept.append(library)
    for names, make in ((told("AT_FORALL_FP32", _FP32), widen), (told("AT_FORALL_FP32_SET_OPT_DTYPE", _WIDE), set_type)):
        for name in names:
            op = operation(name)
            if op is not None and (make is widen or "dtype" in [each.name for each in op._schema.arguments]):
                try:
                    library.impl(op, make(op, keys), "AutocastCPU")
                except RuntimeError:
                    continue  # no kernel of that name in this release
    enabled, kind = torch.is_autocast_enabled, torch.get_autocast_dtype
    torch.is_autocast_enabled = lambda device_type=None: enabled("cpu")
    torch.get_autocast_dtype = lambda device_type=None: kind("cpu")
    torch.get_autocast_gpu_dtype = lambda: kind("cpu")


class Launched:
    """A Triton kernel that writes into what it is given, and allocates nothing."""

    def __getitem__(self, _: Any) -> Any:
        return lambda *args, **kwargs: None


def stand_in() -> None:
    """Put all of this in place."""
    follow_cuda_autocast()
    functional.scaled_dot_product_attention = attention
    functional.softmax = softmax


def stand_in_for_trl() -> None:
    """Take the place of trl's Triton kernels, which a GPU would run."""
    for name, module in list(sys.modules.items()):
        if not name.startswith("trl."):
            continue
        space = vars(module)
        if "_use_triton" in space:
            space["_use_triton"] = lambda device: True
        if "_addmm_fp32" in space:
            space["_forward_kernel"] = space["_backward_kernel"] = Launched()
            space["_addmm_fp32"] = lambda acc, a, b: None
            space["triton"] = type("triton", (), {"cdiv": staticmethod(lambda a, b: -(-a // b))})
