"""Whatever terminals, launchers, collectors and length do to a log, the same rules know it: every real log, in every form."""

from __future__ import annotations

import json
import random
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from envdoctor.knowledge.parse import parse_toml
from envdoctor.logs.log import Log, read
from envdoctor.logs.notebook import outputs
from envdoctor.logs.raised import package_of
from envdoctor.logs.symptoms import Symptoms
from tests.conftest import FIXTURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from envdoctor.logs.log import Fault

FORMS = Path(FIXTURES) / "logs" / "forms"
LOGS = Path(FIXTURES) / "logs" / "real"
REAL = sorted(LOGS.glob("*.log"))
EXPECTED: dict[str, list[str]] = {
    name: list(rules) for name, rules in parse_toml((LOGS / "expected.toml").read_text("utf-8"), "expected.toml").items()
}
FORM: dict[str, list[list[str]]] = {
    name: [list(fault) for fault in faults]
    for name, faults in parse_toml((FORMS / "expected.toml").read_text("utf-8"), "expected.toml").items()
}
NOISE = "".join(
    f"{{'loss': {step / 7:.4f}, 'grad_norm': 0.5, 'learning_rate': 2e-05, 'epoch': {step / 100:.2f}}}\n" for step in range(2200)
)
TALK = "".join(f"[INFO] step {step}: checkpoint is saved to /out/{step}, and nothing has to be done\n" for step in range(2200))


@pytest.fixture(scope="module")
def symptoms(rules: list[Any]) -> Symptoms:
    return Symptoms((rule.id, rule.symptoms) for rule in rules)


def first(log: Log) -> Fault:
    return next((fault for fault in log.faults if not fault.follows), log.faults[0])


def first_rules(log: Log) -> list[str]:
    return [hit.rule for hit in first(log).hits]


def each(before: str) -> Callable[[str], str]:
    """Return what puts a text before every line."""
    return lambda text: "".join(f"{before}{line}\n" for line in text.splitlines())


def objects(name: str, **more: object) -> Callable[[str], str]:
    """Return what makes every line a JSON object."""
    return lambda text: "".join(json.dumps({name: line + "\n", **more}) + "\n" for line in text.splitlines())


COLLECTED: dict[str, Callable[[str], str]] = {
    "windows": lambda text: text.replace("/venv/lib/python3.11/site-packages/", "C:\\venv\\Lib\\site-packages\\").replace("\n", "\r\n"),
    "docker": objects("log", stream="stderr", time="2026-11-25T10:00:00.123456789Z"),
    "cloud": objects("message", severity="ERROR", timestamp="2026-11-25T10:00:00Z"),
    "cloud-in-one": lambda text: json.dumps({"severity": "ERROR", "jsonPayload": {"message": text}}) + "\n",
    "journald": each("Nov 25 10:00:00 box python3[4711]: "),
    "journald-json": objects("MESSAGE", PRIORITY="3", _PID="4711"),
    "kubernetes": each("2026-11-25T10:00:00.123456789Z stderr F "),
    "kubectl": each("[pod/trainer-0/main] "),
    "slurm": each("0: "),
    "slurm-wide": each(" 3: "),
    "sagemaker": lambda text: "".join(f"#033[34m{line}#033[0m\n" for line in text.splitlines()),
    "vertex": each("ERROR 2026-11-25T10:00:00.123456789Z [resource.labels.taskName: workerpool0-0] "),
    "logger": each("2026-11-25 10:00:00,123 - trainer - ERROR - "),
    "hydra": each("[2026-11-25 10:00:00,123][trainer][ERROR] - "),
    "clock": each("10:00:00 "),
    "indented": each("    "),
    "answered": each("> "),
    "answered-twice": each(">> "),
    "in-a-letter": lambda text: f"Hi all,\n\nI get this:\n\n```\n{text}```\n\nThanks\n",
    "escaped": lambda text: f"worker failed: {json.dumps(text)}\n",
}
"""What collectors, launchers and people do to every line."""


@pytest.mark.parametrize("form", COLLECTED)
def test_however_it_was_collected(form: str, symptoms: Symptoms) -> None:
    for path in REAL:
        plain = first(read([path.read_bytes()], symptoms))
        log = read([COLLECTED[form](path.read_text("utf-8")).encode()], symptoms)
        found = first(log)
        assert [hit.rule for hit in found.hits] == EXPECTED[path.stem], path.stem
        if not plain.follows and (form != "escaped" or plain.raised.traced):
            assert (found.raised.kind, package_of(found.raised)) == (plain.raised.kind, package_of(plain.raised)), path.stem


def test_ranks_of_a_scheduler_are_told_apart(symptoms: Symptoms) -> None:
    lines = (LOGS / "hub-window.log").read_text("utf-8").splitlines()
    log = read(["".join(f"{rank}: {line}\n" for line in lines for rank in range(12)).encode()], symptoms)
    assert [(fault.count, len(fault.sources)) for fault in log.faults] == [(12, 12)]


def test_a_letter_that_wraps_at_words_is_read(symptoms: Symptoms) -> None:
    read_well = 0
    for path in REAL:
        lines = [part for line in path.read_text("utf-8").splitlines() for part in textwrap.wrap(line, 74, break_long_words=False) or [""]]
        log = read(["".join(f"> {line}\n" for line in lines).encode()], symptoms)
        read_well += set(EXPECTED[path.stem][:1]) <= {hit.rule for fault in log.faults for hit in fault.hits}
    assert read_well >= len(REAL) - 2


@pytest.mark.parametrize("name", FORM)
def test_a_log_of_a_real_launcher_or_handler_is_read(name: str, symptoms: Symptoms) -> None:
    text = (FORMS / name).read_text("utf-8")
    log = read([(outputs(text) or text).encode() if name.endswith(".ipynb") else text.encode()], symptoms)
    own = [fault for fault in log.faults if not fault.follows and fault.raised.kind]
    assert [[fault.raised.headline.splitlines()[0][:100], package_of(fault.raised), ",".join(fault.sources)] for fault in own] == FORM[name]


def test_every_log_of_a_launcher_is_expected() -> None:
    assert {path.name for path in FORMS.iterdir() if path.suffix != ".toml"} == set(FORM)


@pytest.mark.parametrize("path", REAL[::3], ids=lambda path: path.stem)
def test_in_the_midst_of_a_long_log(path: Path, symptoms: Symptoms) -> None:
    data = (NOISE + path.read_text("utf-8") + "\n" + TALK).encode()
    pieces = [data[start : start + 100_000] for start in range(0, len(data), 100_000)]
    assert first_rules(read(pieces, symptoms)) == EXPECTED[path.stem]


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_of_several_ranks_at_once(path: Path, symptoms: Symptoms) -> None:
    lines = path.read_text("utf-8").splitlines()
    mixed = "\n".join(f"[rank{rank}]: {line}" for line in lines for rank in range(3))
    log = read([mixed.encode()], symptoms)
    assert first_rules(log) == EXPECTED[path.stem]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_wrapped_by_a_terminal(path: Path, width: int, symptoms: Symptoms) -> None:
    lines = path.read_text("utf-8").splitlines()
    wrapped = "\n".join(line[start : start + width] for line in lines for start in range(0, max(len(line), 1), width))
    log = read([wrapped.encode()], symptoms)
    assert set(EXPECTED[path.stem][:1]) <= {hit.rule for fault in log.faults for hit in fault.hits}


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_in_colour_with_times_before_every_line(path: Path, symptoms: Symptoms) -> None:
    lines = path.read_text("utf-8").splitlines()
    coloured = "\r\n".join(f"\x1b[2m2025-11-25T10:00:00.123Z\x1b[0m \x1b[31m{line}\x1b[0m" for line in lines)
    assert first_rules(read([coloured.encode()], symptoms)) == EXPECTED[path.stem]


def test_damaged_logs_are_read_to_the_end(symptoms: Symptoms) -> None:
    chance = random.Random(5)
    bits = [
        b"Traceback (most recent call last):\n",
        b'  File "',
        b"Error: ",
        b"\x1b[",
        b"\r",
        b"[rank0]: ",
        b"`",
        b"cannot import name '",
        b"\xff",
        b"requires ",
        b">=1.2",
        b"((((",
        b"a" * 3000,
        b'{"log": "',
        b'{"a":' * 2000,
        b"0: ",
        b"\\n  File ",
        b"[start of ",
    ]
    for path in REAL:
        data = bytearray(path.read_bytes())
        for _ in range(chance.randint(1, 30)):
            start = chance.randrange(len(data) + 1)
            data[start : start + chance.randint(0, 60)] = chance.choice(bits) * chance.randint(1, 4)
        assert isinstance(read([bytes(data)], symptoms), Log)
