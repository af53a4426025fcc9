"""A memory error is explained by its own numbers, in every wording of torch."""

from __future__ import annotations

import pytest

from envdoctor.logs.memory import Shortage, advice, cause, numbers, shortage_of
from envdoctor.logs.raised import Frame, Raised

GIB, MIB = 2**30, 2**20
NEW = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 1 has a total capacity of 14.74 GiB of which 1.06 GiB is free. Process 2917 has 13.67 GiB memory in use. "
    "Of the allocated memory 13.02 GiB is allocated by PyTorch, and 0.51 GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting "
    "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
)
SHARED = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 24.00 GiB of which 1.00 GiB is free. Process 11 has 9.00 GiB memory in use. "
    "Including non-PyTorch memory, this process has 14.00 GiB memory in use. Of the allocated memory 13.00 GiB is allocated by PyTorch, and 0.20 GiB is reserved by PyTorch but unallocated."
)
OLD = "CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 15.90 GiB total capacity; 12.10 GiB already allocated; 11.75 MiB free; 15.00 GiB reserved in total by PyTorch)"
HUGE = "CUDA out of memory. Tried to allocate 40.00 GiB. GPU 0 has a total capacty of 10.75 GiB of which 8.50 GiB is free."
APPLE = "MPS backend out of memory (MPS allocated: 17.02 GB, other allocations: 384.00 KB, max allowed: 18.13 GB). Tried to allocate 1.50 GB on private pool."
HOST = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4503599627370496 bytes. Error code 12 (Cannot allocate memory)"


def shortage(message: str, kind: str = "torch.OutOfMemoryError", *functions: str) -> Shortage:
    found = shortage_of(
        Raised(kind=kind, message=message, line=1, end=1, frames=tuple(Frame(path="x.py", function=name) for name in functions))
    )
    assert found is not None
    return found


def test_the_numbers_of_the_new_wording_are_read() -> None:
    found = shortage(NEW)
    assert (found.device, found.asked, found.total) == ("GPU 1", 2 * GIB, int(14.74 * GIB))
    assert (found.held, found.allocated, found.idle) == (int(13.67 * GIB), int(13.02 * GIB), int(0.51 * GIB))
    assert "needs at least 15.0 GiB, and the card has 14.7 GiB" in cause(found)


def test_the_numbers_of_the_old_wording_are_read() -> None:
    found = shortage(OLD, "RuntimeError")
    assert (found.asked, found.total, found.allocated) == (20 * MIB, int(15.9 * GIB), int(12.1 * GIB))
    assert found.idle == int(15.0 * GIB) - int(12.1 * GIB)
    assert "fragmented" in cause(found)
    assert "expandable_segments" in advice(found)[0]


def test_memory_that_others_hold_is_told() -> None:
    found = shortage(SHARED)
    assert (found.others, found.held) == (9 * GIB, 14 * GIB)
    assert cause(found).startswith("Other processes hold 9.0 GiB")
    assert "nvidia-smi" in advice(found)[0]


def test_one_piece_larger_than_the_card_is_told() -> None:
    assert "more than all of the card's 10.8 GiB" in cause(shortage(HUGE))


def test_an_apple_gpu_and_the_machine_itself_run_out_too() -> None:
    assert shortage(APPLE, "RuntimeError").total == int(18.13 * GIB)
    assert "needs at least 18.5 GiB" in cause(shortage(APPLE, "RuntimeError"))
    assert shortage(HOST, "RuntimeError").is_host
    assert "machine's own memory" in cause(shortage(HOST, "RuntimeError"))


@pytest.mark.parametrize(
    ("functions", "phase", "helps"),
    [
        (("train", "training_step", "backward"), "in the backward pass", "gradient_checkpointing"),
        (("train", "training_step", "compute_loss", "forward"), "in the forward pass", "gradient_checkpointing"),
        (("main", "from_pretrained", "forward"), "while the model was loaded", "4 bit"),
        (("train", "step", "_init_group"), "while the optimizer took its step", "8-bit optimizer"),
        ((), "", "gradient_checkpointing"),
    ],
)
def test_the_traceback_tells_what_the_run_was_doing(functions: tuple[str, ...], phase: str, helps: str) -> None:
    found = shortage(NEW, "torch.OutOfMemoryError", *functions)
    assert found.phase == phase
    assert helps in " ".join(advice(found))


def test_a_memory_error_without_numbers_is_one() -> None:
    found = shortage("CUDA out of memory")
    assert numbers(found) == []
    assert "does not tell the numbers" in cause(found)


def test_other_errors_are_none() -> None:
    assert shortage_of(Raised(kind="RuntimeError", message="CUDA error: an illegal memory access was encountered", line=1, end=1)) is None
