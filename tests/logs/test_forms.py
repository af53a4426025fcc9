"""Whatever terminals, launchers and length do to a log, the same rules know it: every real log, in every form."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from envdoctor.knowledge.parse import parse_toml
from envdoctor.logs.log import Log, read
from envdoctor.logs.symptoms import Symptoms
from tests.conftest import FIXTURES

LOGS = Path(FIXTURES) / "logs" / "real"
REAL = sorted(LOGS.glob("*.log"))
EXPECTED: dict[str, list[str]] = {
    name: list(rules) for name, rules in parse_toml((LOGS / "expected.toml").read_text("utf-8"), "expected.toml").items()
}
NOISE = "".join(
    f"{{'loss': {step / 7:.4f}, 'grad_norm': 0.5, 'learning_rate': 2e-05, 'epoch': {step / 100:.2f}}}\n" for step in range(2200)
)
TALK = "".join(f"[INFO] step {step}: checkpoint is saved to /out/{step}, and nothing has to be done\n" for step in range(2200))


@pytest.fixture(scope="module")
def symptoms(rules: list[Any]) -> Symptoms:
    return Symptoms((rule.id, rule.symptoms) for rule in rules)


def first_rules(log: Log) -> list[str]:
    first = next((fault for fault in log.faults if not fault.follows), log.faults[0])
    return [hit.rule for hit in first.hits]


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
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
    ]
    for path in REAL * 2:
        data = bytearray(path.read_bytes())
        for _ in range(chance.randint(1, 30)):
            start = chance.randrange(len(data) + 1)
            data[start : start + chance.randint(0, 60)] = chance.choice(bits) * chance.randint(1, 4)
        assert isinstance(read([bytes(data)], symptoms), Log)
