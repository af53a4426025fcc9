"""What an error says of packages is read from its words alone."""

from __future__ import annotations

import pytest

from envdoctor.logs.claims import ARGUMENT, MEMBER, MODULE, NAME, VERSION, claim_of
from envdoctor.logs.raised import Raised

CLAIMS = [
    ("cannot import name 'HybridCache' from 'transformers' (/venv/transformers/__init__.py)", (NAME, "transformers", "HybridCache", "")),
    ("cannot import name 'a' from partially initialized module 'datasets' (most likely due to a circular import)", (NAME, "datasets", "a", "")),
    ("module 'torch' has no attribute 'int1'", (NAME, "torch", "int1", "")),
    ("No module named 'torch._inductor.kernel.flex_attention'", (MODULE, "torch._inductor.kernel.flex_attention", "", "")),
    ("SFTTrainer.__init__() got an unexpected keyword argument 'max_seq_length'", (ARGUMENT, "SFTTrainer", "max_seq_length", "")),
    ("Accelerator.unwrap_model() got an unexpected keyword argument 'keep_torch_compile'", (ARGUMENT, "Accelerator.unwrap_model", "keep_torch_compile", "")),
    ("type object 'SFTTrainer' has no attribute '_prepare_non_packed_dataloader'", (MEMBER, "SFTTrainer", "_prepare_non_packed_dataloader", "")),
    ("'BitsAndBytesConfig' object has no attribute 'get_loading_attributes'", (MEMBER, "BitsAndBytesConfig", "get_loading_attributes", "")),
    ("Found an incompatible version of torchao. Found version 0.14.1, but only versions above 0.16.0 are supported", (VERSION, "torchao", ">=0.16.0", "0.14.1")),
    ("Using the `Trainer` with `PyTorch` requires `accelerate>=1.1.0`: Please run `pip install transformers[torch]`", (VERSION, "accelerate", ">=1.1.0", "")),
    ("huggingface-hub>=0.34.0,<1.0 is required for a normal functioning of this module, but found huggingface-hub==1.2.0.", (VERSION, "huggingface-hub", ">=0.34.0,<1.0", "1.2.0")),
    ("Unsloth: For now we support `trl<=0.23.1`. Please downgrade!", (VERSION, "trl", "<=0.23.1", "")),
    ("You need to have `torchao>=0.4.0` in order to use torch 4-bit optimizers.", (VERSION, "torchao", ">=0.4.0", "")),
    ("Using `bitsandbytes` 4-bit quantization requires bitsandbytes: `pip install -U bitsandbytes>=0.46.1`", (VERSION, "bitsandbytes", ">=0.46.1", "")),
]  # fmt: skip


def raised(message: str) -> Raised:
    return Raised(kind="ImportError", message=message, line=1, end=1)


@pytest.mark.parametrize(("message", "wanted"), CLAIMS, ids=[wanted[1] for _, wanted in CLAIMS])
def test_claims_are_read(message: str, wanted: tuple[str, str, str, str]) -> None:
    claim = claim_of(raised(message))
    assert claim is not None
    assert (claim.kind, claim.where, claim.what, claim.found) == wanted


@pytest.mark.parametrize(("message", "wanted"), CLAIMS[:8], ids=[wanted[1] for _, wanted in CLAIMS[:8]])
@pytest.mark.parametrize("width", [24, 37])
def test_claims_are_read_from_wrapped_messages(message: str, wanted: tuple[str, str, str, str], width: int) -> None:
    claim = claim_of(raised("\n".join(message[start : start + width] for start in range(0, len(message), width))))
    assert claim is not None
    assert (claim.kind, claim.where, claim.what) == wanted[:3]


@pytest.mark.parametrize(
    "message",
    ["'base_model.model.lm_head'", "CUDA error: device-side assert triggered", "Python >= 3.10 is required", "shape '[2, 3]' is invalid for input of size 5", "needs CUDA >= 12"],
)  # fmt: skip
def test_other_errors_claim_nothing(message: str) -> None:
    assert claim_of(raised(message)) is None
