"""Writes down when each storage of a fake run begins and ends, and answers what the run asks of values that nobody has."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten
_DEVICE = torch.ops.prim.device.default
_PRODUCTS = {_aten.mm.default, _aten.addmm.default, _aten.bmm.default, _aten.baddbmm.default}
# Autograd's engine, and formulas of FunctionsManual.cpp, write into their first argument when nobody else holds it; for tensors that a
# dispatch mode follows they make a new one. What dies at once after one of these was written in place.
_IN_PLACE = {
    _aten.add.Tensor,
    _aten.index_put.default,
    _aten._index_put_impl.default,
    _aten.scatter_add.default,
    _aten.scatter.src,
    _aten.scatter.value,
    _aten.index_add.default,
    _aten.masked_fill.Scalar,
}
_PUTS = {_aten.index_put.default, _aten.index_put_.default, _aten._index_put_impl.default, _aten._index_put_impl_.default}
_ROOM = {_aten._softmax_backward_data.default}  # host_softmax.cuh multiplies into a tensor of its own (`tmp = grad * output`)


class Ledger(TorchDispatchMode):
    """The events of a run: an allocation of n bytes is n, the end of the allocation at position p is ~p."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and keeping Dynamo out takes longer than what it is kept out of

    def __init__(self, experts: int = 0) -> None:
        super().__init__()
        self.events: list[int] = []
        self.marks: list[tuple[int, str]] = []
        self.products: list[int] = []  # position of the first matrix product going forward, and of the first going back
        self.backward = False
        self._experts = experts
        self._at: dict[int, int] = {}  # address of a storage: position of its allocation, or -1 for what was there before
        self._refs: dict[int, Any] = {}
        self._young: tuple[int, int, int] | None = None  # storage that may be written in place, storage made of it, its position
        self._last: dict[int, bool] = {}

    def know(self, tensors: Any) -> None:
        """Take tensors for what was there before: they are no events."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            self._at[storage._cdata] = -1
            self._refs[storage._cdata] = storage

    def position(self, tensor: Any) -> int:
        """Return the position of the allocation that holds a tensor, or -1."""
        return self._at.get(tensor.untyped_storage()._cdata, -1)

    def mark(self, name: str) -> None:
        """Say what begins here."""
        self.marks.append((len(self.events), name))

    def clear(self) -> None:
        """Forget all events; what is alive was there before."""
        for key in self._at:
            self._at[key] = -1
        self.events, self.marks, self.products, self._young = [], [], [], None

    def room(self, size: int) -> None:
        """Tell of a block that is there for a moment only."""
        self.events.append(size)
        self.events.append(~(len(self.events) - 1))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation on fakes, and write down what it leaves."""
        if func is _DEVICE:
            return args[0].fake_device  # asked more often than anything else
        self._young = None
        if func is _aten._local_scalar_dense.default:
            return self._value(args[0])
        if func is _aten.nonzero.default:
            return self._nonzero(args[0])
        if func is _aten.index.Tensor:
            args = (args[0], self._plain(args[1]))
        elif func in _PUTS:
            args = (args[0], self._plain(args[1]), *args[2:])
        if func in _PRODUCTS and len(self.products) == self.backward:
            self.products.append(len(self.events))
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            key = self._see(out)
            if key:
                if self.backward and func in _IN_PLACE and not args[0]._is_view() and args[0].shape == out.shape:
                    old = args[0].untyped_storage()._cdata
                    if self._at.get(old, -1) >= 0 and args[0].dtype == out.dtype:
                        self._young = (old, key, len(self.events) - 1)
                elif func in _ROOM:
                    self.room(self.events[-1])
            if out.dtype is torch.bool and out.numel() == 1:
                self._last[out.untyped_storage()._cdata] = func in (_aten.all.default, _aten.all.dim)
        elif isinstance(out, (list, tuple)):
            for each in out:
                if isinstance(each, torch.Tensor):
                    self._see(each)
        return out

    def _see(self, tensor: Any) -> int:
        """Write an allocation down when the storage is new, and return its address; 0 when it is not."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._at:
            return 0
        self._at[key] = len(self.events)
        self.events.append(storage.nbytes())
        self._refs[key] = weakref.ref(storage, partial(self._end, key))
        return int(key)

    def _end(self, key: int, _: Any) -> None:
        at = self._at.pop(key, -1)
        self._refs.pop(key, None)
        self._last.pop(key, None)
        if at < 0:
            return
        young = self._young
        if young is not None and young[0] == key and self._at.get(young[1]) == young[2]:
            del self.events[young[2]]  # only ends have come since, and they tell of positions before it
            self._at[young[1]] = at
            self._young = None
            return
        self.events.append(~at)

    def _value(self, tensor: Any) -> Any:
        """Answer `.item()`: a mask is all ones, nothing else is true, numbers are one."""
        constant = getattr(tensor, "constant", None)
        if constant is not None:
            return constant.item()
        if tensor.dtype is torch.bool:
            return self._last.get(tensor.untyped_storage()._cdata, False)
        return 1.0 if tensor.dtype.is_floating_point else 1

    def _count(self, mask: Any) -> int:
        """Say how many of a mask's cells are set: each expert gets its share of the tokens; every other cell counts."""
        if mask.dim() == 2 and self._experts and mask.dtype is not torch.bool:
            return max(1, int(mask.numel()) // self._experts)
        return int(mask.numel())

    def _nonzero(self, mask: Any) -> Any:
        return torch.empty((self._count(mask), mask.dim()), dtype=torch.int64, device=mask.device)

    def _plain(self, indices: Any) -> list[Any]:
        """Turn masks into the numbers of what they choose, which need no value to be counted."""
        found: list[Any] = []
        for index in indices:
            if index is None or index.dtype not in (torch.bool, torch.uint8):
                found.append(index)
            else:
                some = torch.empty((self._count(index),), dtype=torch.int64, device=index.device)
                found += [some] * index.dim()
        return found
