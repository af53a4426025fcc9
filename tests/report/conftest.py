"""Invented reports that every format must tell: sick, silent, crowded, healthy and undecided ones."""

from __future__ import annotations

import pytest

from envdoctor.model.facts import Absent, Fact
from envdoctor.model.finding import CLEAR, Crashed, Finding, Fired, Reason, Report, Skipped, Unknown
from envdoctor.model.rule import Remedy
from envdoctor.model.script import Location
from envdoctor.model.snapshot import Distribution, Snapshot
from envdoctor.model.uses import USES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.facts import Value

STACK = {
    "torch": "2.5.1", "torchao": "0.14.1", "transformers": "4.57.1", "trl": "0.24.0", "peft": "0.17.1", "accelerate": "1.10.1",
    "datasets": "4.2.0", "bitsandbytes": "0.48.1", "unsloth": "2025.10.12", "numpy": "2.2.6", "huggingface-hub": "0.35.3",
}  # fmt: skip
MACHINE: dict[str, tuple[Value, str]] = {
    "os.name": ("linux", "uname"), "os.arch": ("x86_64", "uname"), "os.glibc": ("2.35", "ldd"), "python.version": ("3.11.9", "pyvenv.cfg"),
    "python.prefix": ("/srv/venv", "pyvenv.cfg"), "gpu.vendor": ("nvidia", "nvidia-smi"), "gpu.count": (1, "nvidia-smi"),
    "gpu.names": (("NVIDIA H100 80GB HBM3",), "nvidia-smi"), "gpu.capability.min": (9.0, "nvidia-smi"),
    "driver.version": ("550.54.15", "nvidia-smi"), "torch.build": ("cuda", "torch/version.py"), "torch.cuda": ("12.4", "torch/version.py"),
}  # fmt: skip


def site(name: str, version: str) -> str:
    return f"site-packages/{name}-{version}.dist-info/METADATA"


def snapshot(*, machine: bool = True, complete: bool = True, absent: tuple[Absent, ...] = (), **versions: str) -> Snapshot:
    stack = {**STACK, **{name.replace("_", "-"): version for name, version in versions.items()}}
    known = {**(MACHINE if machine else {}), "environment.complete": (complete, "box.txt")}
    facts = {path: Fact(path=path, value=value, origin=origin) for path, (value, origin) in known.items()}
    return Snapshot(
        distributions={name: Distribution(name=name, version=version, origin=site(name, version)) for name, version in stack.items()},
        facts=facts,
        absent={one.path: one for one in absent},
    )


def report(
    patient: Snapshot, *findings: Finding, verdict: str = "unfit", purpose: str = "sft", clear: int = 118, unknown: tuple[str, ...] = (),
    others: dict[str, object] | None = None, unsettled: tuple[str, ...] = (), suppressed: tuple[Finding, ...] = (),
) -> Report:  # fmt: skip
    uses = {
        use: "unknown" if use in unsettled else "fit"
        for use, (needed, _) in USES.items()
        if needed and set(needed) <= set(patient.distributions)
    }
    uses.update({use: "unfit" for finding in findings for use in finding.uses if finding.severity != "note"})
    outcomes: dict[str, object] = {f"clear-rule-{number}": CLEAR for number in range(clear)}
    outcomes.update({f"waiting-rule-{number}": Unknown(missing=tuple(missing.split())) for number, missing in enumerate(unknown)})
    outcomes.update({finding.rule: Fired(findings=(finding,)) for finding in findings})
    outcomes.update(others or {})
    return Report(
        snapshot=patient, verdict=verdict, purpose=purpose, uses=uses, findings=findings, outcomes=outcomes, suppressed=suppressed,
        book_version="2026.11",
    )  # fmt: skip


TORCHAO = Finding(
    rule="torchao-uses-int1-dtypes-torch-lacks",
    title="torchao uses torch.int1, which this torch does not have",
    subject="torchao",
    severity="error",
    declared_severity="error",
    impact="crash-at-import",
    confidence="certain",
    message="torchao 0.14.1 reads torch.int1 at import; torch 2.5.1 has no such dtype",
    why="""
The sub-byte dtypes int1..int7 came with torch 2.6. Up to torchao 0.12 the tables that use them stood behind a version test;
from 0.13.0 on they are read at module level.
""",
    uses=("import torchao", "torchao load"),
    packages=("torchao", "torch"),
    because=(
        Reason(what="torchao", value="0.14.1", origin=site("torchao", "0.14.1")),
        Reason(what="torch", value="2.5.1", origin=site("torch", "2.5.1")),
    ),
    remedies=(
        Remedy(title="Move torch to 2.6 or newer", safety="unsafe", require={"torch": ">=2.6"}),
        Remedy(title="Keep torch, move torchao to 0.12", safety="unsafe", require={"torchao": ">=0.9,<0.13"}),
    ),
    links=("https://github.com/pytorch/ao/blob/v0.13.0/torchao/quantization/quant_primitives.py",),
)

TRL_WINDOW = Finding(
    rule="unsloth-outside-its-trl-window",
    title="unsloth patches trl functions that this trl no longer has",
    subject="unsloth",
    severity="error",
    declared_severity="error",
    impact="crash-at-import",
    confidence="certain",
    message="unsloth 2025.10.12 works with trl <=0.23.1; trl 0.24.0 is installed",
    why="unsloth rewrites the source of trl's trainers while it is imported. Each release knows the trainers of a range of trl releases.",
    uses=("import unsloth", "unsloth training"),
    packages=("unsloth", "trl"),
    because=(
        Reason(what="unsloth", value="2025.10.12", origin="requirements.txt:4"),
        Reason(what="trl", value="0.24.0", origin="requirements.txt:7"),
    ),
    remedies=(
        Remedy(title="Move trl into the window", safety="unsafe", require={"trl": "<=0.23.1"}),
        Remedy(title="Move unsloth on", safety="unsafe", require={"unsloth": ">=2025.11.1", "unsloth-zoo": ">=2025.11.1"}),
    ),
    links=("https://github.com/unslothai/unsloth/blob/October-2025/unsloth/models/rl.py",),
)

MXFP4 = Finding(
    rule="mxfp4-weights-dequantised-to-bf16",
    title="MXFP4 weights are unpacked to bf16 without a word",
    subject="model",
    severity="error",
    declared_severity="error",
    impact="wrong-results",
    confidence="likely",
    silent=True,
    message="openai/gpt-oss-20b is stored as MXFP4, but without kernels 0.10 or newer transformers 4.57.1 unpacks it to bf16",
    why="""
transformers only runs MXFP4 as it is with triton 3.4 or newer, the kernels package and a GPU of compute capability 7.5 or newer.

Where one of the three is missing it logs one line at level WARNING and unpacks the weights, so memory and speed are those of bf16.
""",
    uses=("MXFP4 load", "MXFP4 training"),
    packages=("transformers", "kernels"),
    because=(
        Reason(what="model.quantization", value="mxfp4", origin="config.json of openai/gpt-oss-20b"),
        Reason(what="kernels", value="not installed", origin="list of installed distributions"),
        Reason(what="transformers", value="4.57.1", origin=site("transformers", "4.57.1")),
        Reason(what="gpu.memory.total", value="85899345920", origin="nvidia-smi --query-gpu=memory.total"),
    ),
    remedies=(
        Remedy(title="Install the kernels package", safety="safe", require={"kernels": ">=0.10"}),
        Remedy(title="Use the bf16 weights", safety="unsafe", replace_model="unsloth/gpt-oss-20b-BF16"),
    ),
    links=("https://github.com/huggingface/transformers/blob/v4.57.1/src/transformers/quantizers/quantizer_mxfp4.py",),
    locations=(Location(path="train.py", line=14, column=9),),
)

MEMORY = Finding(
    rule="training-larger-than-gpu-memory",
    title="The run needs more memory than the GPU has",
    subject="machine",
    severity="error",
    declared_severity="error",
    impact="out-of-memory",
    confidence="likely",
    message="full fine-tuning of an 8.0 B model in bf16 with adamw_torch needs about 125 GiB; the GPU has 79.6",
    why="Weights 15.0 GiB, gradients 15.0, optimizer states 59.9, activations about 35 at 8 x 2048 tokens.",
    uses=("transformers.Trainer", "trl.SFTTrainer", "resume"),
    because=(
        Reason(what="training.optimizer", value="adamw_torch", origin="train.py:31"),
        Reason(what="per_device_train_batch_size", value="8", origin="train.py:29"),
        Reason(what="gpu.memory.total", value="85471526912", origin="nvidia-smi"),
    ),
    remedies=(
        Remedy(
            title="Smaller steps", safety="unsafe",
            set_argument={
                "trl.SFTConfig": {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 8, "gradient_checkpointing": True}
            },
        ),
        Remedy(title="Train an adapter", safety="unsafe", advice="Train a LoRA adapter: pass a peft.LoraConfig to trl.SFTTrainer."),
    ),
    locations=(Location(path="train.py", line=31, column=5), Location(path="train.py", line=29, column=5)),
)  # fmt: skip

PEFT = Finding(
    rule="peft-refuses-installed-torchao",
    title="peft refuses to inject adapters while an old torchao is installed",
    subject="peft",
    severity="error",
    declared_severity="error",
    impact="crash-at-start",
    confidence="certain",
    message="peft 0.19.0 raises ImportError for torchao 0.14.1 on every plain LoRA; it wants none, or 0.16 and newer",
    why="peft asks is_torchao_available() for every layer it wraps, and that function raises instead of answering no.",
    uses=("peft LoRA wrap", "4-bit LoRA"),
    packages=("peft", "torchao"),
    because=(
        Reason(what="peft", value="0.19.0", origin=site("peft", "0.19.0")),
        Reason(what="torchao", value="0.14.1", origin=site("torchao", "0.14.1")),
    ),
    remedies=(Remedy(title="Remove torchao", safety="unsafe", remove=("torchao",)),),
    links=("https://github.com/huggingface/peft/blob/v0.19.0/src/peft/import_utils.py",),
)

TRL_IMPORT = Finding(
    rule="trl-imports-name-transformers-lost",
    title="trl imports a name that this transformers no longer has",
    subject="trl",
    severity="error",
    declared_severity="error",
    impact="crash-at-import",
    confidence="certain",
    message="trl 0.11.4 imports transformers.top_k_top_p_filtering, which transformers 4.57.1 does not have",
    uses=(
        "import trl", "trl.SFTTrainer", "trl.DPOTrainer", "trl.GRPOTrainer", "trl.RewardTrainer", "trl.KTOTrainer", "trl.ORPOTrainer",
        "trl.PPOTrainer", "import unsloth", "unsloth training",
    ),
    packages=("trl", "transformers"),
    because=(Reason(what="trl", value="0.11.4", origin="uv.lock"), Reason(what="transformers", value="4.57.1", origin="uv.lock")),
    remedies=(Remedy(title="Move trl on", safety="unsafe", require={"trl": ">=0.24,<0.25"}),),
)  # fmt: skip

DPO = Finding(
    rule="dpo-trainer-lost-beta",
    title="DPOTrainer no longer takes beta",
    subject="trl",
    severity="warning",
    declared_severity="error",
    impact="crash-at-start",
    confidence="certain",
    message="trl 0.24.0 takes beta in DPOConfig; train_dpo.py passes it to DPOTrainer",
    uses=("trl.DPOTrainer",),
    packages=("trl",),
    because=(
        Reason(what="trl", value="0.24.0", origin="uv.lock"),
        Reason(what="trl.DPOTrainer(beta)", value="0.1", origin="train_dpo.py:40"),
    ),
    remedies=(Remedy(title="Pass it to the configuration", safety="safe", set_argument={"trl.DPOConfig": {"beta": 0.1}}),),
    locations=(Location(path="train_dpo.py", line=40, column=17),),
)

ALLOCATOR = Finding(
    rule="allocator-variable-renamed",
    title="PYTORCH_CUDA_ALLOC_CONF is on its way out",
    subject="environment",
    severity="note",
    declared_severity="note",
    impact="slow",
    confidence="certain",
    silent=True,
    message="torch 2.10 reads PYTORCH_ALLOC_CONF; PYTORCH_CUDA_ALLOC_CONF is set",
    uses=("GPU compute",),
    remedies=(Remedy(title="Set the new name", safety="safe", set_env={"PYTORCH_ALLOC_CONF": "expandable_segments:True"}),),
)

OFFLINE = Finding(
    rule="offline-without-cached-model",
    title="The hub is switched off and the model is not in the cache",
    subject="environment",
    severity="warning",
    declared_severity="warning",
    impact="crash-at-start",
    confidence="possible",
    message="HF_HUB_OFFLINE is set, and meta-llama/Llama-3.1-8B is not in the cache",
    uses=("download", "load model"),
    because=(Reason(what="HF_HUB_OFFLINE", value="1", origin="environment variable"),),
    remedies=(Remedy(title="Switch the hub on", safety="safe", unset_env=("HF_HUB_OFFLINE",)),),
)

SLOW_DRIVER = Absent(path="driver.cuda", reason="timed-out", detail="nvidia-smi gave no answer within 5 s")
UNTOLD = ("gpu.capability.min gpu.count",) * 14 + ("gpu.memory.total model.name",) * 6 + ("script",) * 9 + ("dist:triton",) * 2

SAMPLES: dict[str, Report] = {
    "torchao-on-old-torch": report(snapshot(), TORCHAO, unknown=("model.name",) * 3 + ("script",), unsettled=("MXFP4 load",)),
    "trl-outside-window": report(snapshot(), TRL_WINDOW, DPO),
    "silent-dequantisation": report(snapshot(triton="3.4.0"), MXFP4, ALLOCATOR),
    "out-of-memory": report(snapshot(), MEMORY, suppressed=(TORCHAO.replace(suppressed="torchao is never imported here"),)),
    "many": report(
        snapshot(trl="0.11.4", peft="0.19.0", absent=(SLOW_DRIVER,)),
        ALLOCATOR, TORCHAO, DPO, TRL_IMPORT, PEFT, MXFP4, OFFLINE, MEMORY, clear=171,
        unknown=("driver.cuda",) * 4 + ("memory.shm.total",), unsettled=("distributed", "FSDP", "fp16", "bf16", "torch.compile"),
        others={"broken-rule": Crashed(error="KeyError: 'torch'"), "unwanted-rule": Skipped(reason="not selected")},
    ),
    "healthy": report(snapshot(torch="2.8.0"), verdict="fit", clear=212),
    "healthy-but-untold": report(snapshot(), verdict="fit", clear=180, unknown=("model.name",) * 3 + ("script",) * 8),
    "undecided": report(
        snapshot(machine=False, complete=False), purpose="", verdict="unknown", clear=97, unknown=UNTOLD,
        unsettled=("GPU compute", "bf16", "fp16"),
    ),
}  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "sample" in metafunc.fixturenames:
        metafunc.parametrize("sample", SAMPLES)


@pytest.fixture
def told(sample: str) -> Report:
    """The report of the sample's name."""
    return SAMPLES[sample]


@pytest.fixture(autouse=True)
def fixed_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Golden files outlive releases."""
    import envdoctor

    monkeypatch.setattr(envdoctor, "__version__", "0.0.0")


@pytest.fixture
def reports_by_name() -> dict[str, Report]:
    """All samples, for tests that need one of them."""
    return SAMPLES
