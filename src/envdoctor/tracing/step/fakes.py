"""Makes libraries run on fake tensors as they do on real ones."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode


class Fakes(FakeTensorMode):
    """The mode in which tensors have no values; a copy of a tensor stays in it (peft copies what `modules_to_save` names)."""

    def __deepcopy__(self, memo: Any) -> Any:
        return self


def apply(self: Any, fn: Any, recurse: bool = True) -> Any:
    """Stand for `Module._apply`: set what is converted; the original swaps tensors, which fakes cannot do."""
    if recurse:
        for child in self.children():
            apply(child, fn)
    for parameter in self._parameters.values():
        if parameter is None:
            continue
        with torch.no_grad():
            made = fn(parameter)
        if made is not parameter and (made.dtype != parameter.dtype or made.device != parameter.device):
            parameter.data = made  # the same object, so that tied weights stay one
    for name, buffer in list(self._buffers.items()):
        if buffer is not None:
            self._buffers[name] = fn(buffer)
    return self


def stand_in() -> None:
    """Patch what sees that a tensor is fake, or asks for its values."""
    torch.nn.Module._apply = apply
    from transformers.utils import import_utils

    for name in ("is_fake_tensor", "is_tracing"):
        if hasattr(import_utils, name):
            setattr(import_utils, name, lambda *_: False)
    for told, module in list(sys.modules.items()):
        if not told.startswith("transformers.") or module is None:
            continue
        space = vars(module)
        for name in ("is_fake_tensor", "is_tracing"):
            if name in space:
                space[name] = lambda *_: False
        # samples have full length, and are not packed: a real run finds that out from the values
        if "find_packed_sequence_indices" in space:
            space["find_packed_sequence_indices"] = lambda *_: None
        if "fast_all" in space:
            space["fast_all"] = lambda *_: True
        if "_can_use_grouped_mm" in space:
            space["_can_use_grouped_mm"] = lambda *_: True
