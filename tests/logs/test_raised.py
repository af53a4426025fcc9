"""What was raised is read out of a log however it was written: by Python, in colour, by IPython, by rich, wrapped, cut off, by many ranks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envdoctor.logs.claims import NAME, claim_of
from envdoctor.logs.passages import passages
from envdoctor.logs.raised import CAUSE, CONTEXT, Chain, Raised, chains, package_of, script_of
from tests.conftest import FIXTURES

LOGS = Path(FIXTURES) / "logs"
FORMS = ("chained", "coloured", "notebook", "rich")
NESTED = """Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/transformers/models/auto/configuration_auto.py", line 1131, in from_pretrained
    config_class = CONFIG_MAPPING[config_dict["model_type"]]
KeyError: 'gpt_oss'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "train.py", line 4, in <module>
    AutoConfig.from_pretrained("openai/gpt-oss-20b")
ValueError: The checkpoint you are trying to load has model type `gpt_oss` but Transformers does not recognize this architecture.
"""


def raised_in(text: str) -> list[Chain]:
    return [chain for passage in passages([text.encode()], []) for chain in chains(passage)]


def wrapped(text: str, width: int) -> str:
    return "\n".join(line[start : start + width] for line in text.splitlines() for start in range(0, max(len(line), 1), width))


@pytest.mark.parametrize("form", FORMS)
def test_the_root_cause_is_found_in_every_form(form: str) -> None:
    (chain,) = raised_in((LOGS / f"{form}.log").read_text("utf-8"))
    assert [(one.kind, one.leads) for one in chain.raised] == [("ImportError", CAUSE), ("RuntimeError", "")]
    assert chain.root.message.startswith("cannot import name 'HybridCache' from 'transformers'")
    assert package_of(chain.root) == "peft"
    assert (chain.root.frames[-1].path[-18:], chain.root.frames[-1].line) == ("peft/peft_model.py", 37)


@pytest.mark.parametrize("form", FORMS)
def test_every_rank_is_read_apart(form: str) -> None:
    lines = (LOGS / f"{form}.log").read_text("utf-8").splitlines()
    mixed = [f"[rank{rank}]:{' ' + line if line else ''}" for line in lines for rank in range(4)]
    found = raised_in("\n".join(mixed))
    assert [chain.root.source for chain in found] == ["0", "1", "2", "3"]
    assert {(chain.root.kind, package_of(chain.root)) for chain in found} == {("ImportError", "peft")}


@pytest.mark.parametrize("width", [60, 80, 97, 120])
def test_a_traceback_that_a_terminal_has_wrapped_is_read(width: int) -> None:
    (chain,) = raised_in(wrapped((LOGS / "chained.log").read_text("utf-8"), width))
    claim = claim_of(chain.root)
    assert claim is not None
    assert (claim.kind, claim.where, claim.what) == (NAME, "transformers", "HybridCache")
    assert package_of(chain.root) == "peft"


@pytest.mark.parametrize("start", range(0, 15, 2))
def test_a_log_that_begins_in_the_midst_of_a_traceback_is_read(start: int) -> None:
    lines = (LOGS / "chained.log").read_text("utf-8").splitlines()
    (chain,) = raised_in("\n".join(lines[start:]))
    assert chain.root.kind == "ImportError"


def test_a_log_that_ends_before_the_next_exception_is_read() -> None:
    lines = (LOGS / "chained.log").read_text("utf-8").splitlines()
    (chain,) = raised_in("\n".join(lines[:25]))
    assert (chain.root.kind, chain.root.leads) == ("ImportError", "")


def test_an_exception_raised_while_another_was_handled_is_the_one_to_explain() -> None:
    (chain,) = raised_in(NESTED)
    assert [one.leads for one in chain.raised] == [CONTEXT, ""]
    assert chain.root.kind == "ValueError"


def test_progress_bars_before_and_between_do_not_hide_a_traceback() -> None:
    bar = "".join(f"\r{done:3}%|{'█' * (done // 10):<10}| {done}/100 [00:01<00:09, 9.1it/s]" for done in range(0, 60, 5))
    lines = NESTED.splitlines()
    (chain,) = raised_in(bar + "\r" + "\n".join([*lines[:4], bar, *lines[4:]]))
    assert chain.root.kind == "ValueError"


@pytest.mark.parametrize(
    "prefix",
    ["[rank3]: ", "[default3]:", "[1,3]<stderr>:", "(RayTrainWorker pid=3, ip=10.0.0.7) ", "2025-10-31T12:00:00.123456789Z [rank3]: ", "trainer-3  | ", "Oct 31 12:00:00 box python3[3]: [rank3]: "],
    ids=["torchrun", "tee", "mpirun", "ray", "kubernetes", "compose", "journal"],
)  # fmt: skip
def test_what_launchers_put_before_a_line_is_taken_off(prefix: str) -> None:
    (chain,) = raised_in("\n".join(prefix + line for line in NESTED.splitlines()))
    assert chain.root.kind == "ValueError"
    assert chain.root.source.endswith("3")


@pytest.mark.parametrize(
    "line",
    [
        "except ImportError:",
        "    raise ValueError('wrong')",
        "# ImportError: what users see",
        "loss 2.1 error 0.3",
        "The error rate: 0.4",
    ],
)
def test_code_and_prose_are_no_exceptions(line: str) -> None:
    found = raised_in(line)
    assert not any(chain.root.traced for chain in found)
    assert not found or line.startswith("#")


def test_an_error_quoted_in_a_sentence_ends_where_the_quote_ends() -> None:
    (chain,) = raised_in("- **Symptom**: `TypeError: device() received an invalid combination - got (NoneType)` during `trainer.train()`.")
    assert chain.root.headline == "TypeError: device() received an invalid combination - got (NoneType)"


def test_reading_is_the_same_in_pieces_of_any_size() -> None:
    noise = "{'loss': 1.2345, 'grad_norm': 0.5, 'learning_rate': 2e-05, 'epoch': 0.1}\n"
    data = (noise * 9000 + NESTED + noise * 9000 + (LOGS / "chained.log").read_text("utf-8") + noise * 3000).encode()
    whole = [chain for passage in passages([data], []) for chain in chains(passage)]
    for size in (1 << 12, 100_003, 1 << 20):
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        assert [chain for passage in passages(pieces, []) for chain in chains(passage)] == whole
    assert [(chain.root.kind, chain.line) for chain in whole] == [("ValueError", 9001), ("ImportError", 9001 + 11 + 9000)]


def test_hostile_bytes_end_in_no_traceback() -> None:
    for size in (0, 1, 300, 300_000):
        list(passages([os.urandom(size)], [("module", "has no attribute")]))
    list(passages([b"\x1b[" * 200_000, b"\r" * 500_000, b"Error: " * 100_000], []))


def test_what_others_write_in_between_is_no_exception() -> None:
    lines = (LOGS / "chained.log").read_text("utf-8").splitlines()
    others = ["INFO: saved", "Map: 100%|###| 8/8", "Epoch: 1", "{'loss': 1.0}", "Loading weights: 5", "wandb: synced"]
    mixed = [part for number, line in enumerate(lines) for part in (line, others[number % len(others)])]
    (chain,) = raised_in("\n".join(mixed))
    assert [one.kind for one in chain.raised] == ["ImportError", "RuntimeError"]
    assert package_of(chain.root) == "peft"


def test_ranks_that_wrote_line_by_line_without_a_mark_are_told_once_or_twice() -> None:
    lines = (LOGS / "chained.log").read_text("utf-8").splitlines()
    found = raised_in("\n".join(line for line in lines for _ in range(2)))
    assert {chain.root.headline for chain in found} == {raised_in("\n".join(lines))[0].root.headline} | {found[-1].root.headline}
    assert found[0].root.kind == "ImportError"


@pytest.mark.parametrize(
    "kind", ["queue.Empty", "subprocess.TimeoutExpired", "StopIteration", "__main__.Stopped", "huggingface_hub.errors.GatedRepoError"]
)
def test_exceptions_of_any_name_are_read(kind: str) -> None:
    (chain,) = raised_in(f'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    go()\n{kind}: why\n')
    assert (chain.root.kind, chain.root.message) == (kind, "why")


@pytest.mark.parametrize(
    ("innermost", "package", "script"),
    [
        ("/home/user/train.py", "", None),
        ("/usr/lib/python3.11/json/decoder.py", "torch", "/home/user/train.py"),
        ("C:\\Python311\\Lib\\json\\decoder.py", "torch", "/home/user/train.py"),
        ("<frozen importlib._bootstrap>", "torch", "/home/user/train.py"),
        ("pyarrow/error.pxi", "pyarrow", "/home/user/train.py"),
        ("/venv/lib/python3.11/site-packages/datasets/arrow_dataset.py", "datasets", "/home/user/train.py"),
    ],
)
def test_who_raised_is_who_was_innermost(innermost: str, package: str, script: str | None) -> None:
    frames = ("/home/user/train.py", "/venv/lib/python3.11/site-packages/torch/utils/data/dataloader.py", innermost)
    lines = "".join(f'  File "{path}", line 3, in go\n    go()\n' for path in frames)
    (chain,) = raised_in(f"Traceback (most recent call last):\n{lines}KeyError: 1\n")
    found = script_of(chain.root)
    assert (package_of(chain.root), found.path if found is not None else None) == (package, script)


@pytest.mark.parametrize(
    "line",
    [
        "wandb: You can sync this run to the cloud by running:", " 50%|#####     | 1/2 [00:01<00:01,  1.92s/it]",
        "Map (num_proc=2):   0%|          | 0/8", "W1125 19:49:40.941000 29467 torch/distributed/elastic/multiprocessing/api.py:1028] Sending",
    ],
)  # fmt: skip
def test_a_message_ends_where_others_go_on(line: str) -> None:
    (chain,) = raised_in(f"{NESTED}{line}\n")
    assert chain.root.message.endswith("does not recognize this architecture.")


def test_a_text_that_nothing_raised_begins_with_its_own_words() -> None:
    assert Raised(kind="", message="CUDA_HOME is not set", line=1, end=1).headline == "CUDA_HOME is not set"
