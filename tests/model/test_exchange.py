"""Snapshots come back exactly from JSON, and data of wrong types is told by its place or does no harm."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envdoctor.cli import main
from envdoctor.diagnosis import take
from envdoctor.engine.evaluate import evaluate
from envdoctor.knowledge.compiled import CompiledBook
from envdoctor.model.errors import InputError
from envdoctor.model.exchange import from_mapping, to_mapping
from envdoctor.model.facts import REASONS, TIMED_OUT, Absent, Fact
from envdoctor.model.request import Request
from envdoctor.model.script import Argument, Call, Import, Location, Script
from envdoctor.model.snapshot import Distribution, Document, Snapshot
from envdoctor.report import FORMATS, render
from envdoctor.report.options import Options
from envdoctor.script import read

SICK = "torch==2.5.1\ntorchao==0.14.1\ntransformers==4.56.2\n"
DIGITS = "9" * 5000  # more than Python converts to a number


def write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def exact(snapshot: Snapshot) -> Snapshot:
    return from_mapping(json.loads(json.dumps(to_mapping(snapshot))), "box.json")


def test_a_real_snapshot_comes_back_exactly(tmp_path: Path) -> None:
    script = write(
        tmp_path / "train.py",
        "import trl\ntrl.SFTConfig(a=(1, (2.5, None)), b={'k': [1, {'m': ('x',)}], 'n': True}, c=unknown, **more)\ntrl.SFTTrainer(1, [])\n",
    )
    for request in (Request(), Request(paths=(str(script),)), Request(freeze=str(write(tmp_path / "box.txt", SICK + "peft>=0.10\n")))):
        snapshot = take(request, dict(os.environ))
        assert exact(snapshot) == snapshot
    found = read(script.read_text(), "train.py").calls[0].argument("b")
    assert found is not None
    assert found.value == {"k": (1, {"m": ("x",)}), "n": True}


texts = st.text(st.characters(codec=None), max_size=8)  # any code point, lone surrogates among them
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
literals = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
places = st.builds(Location, path=texts, line=st.integers(), column=st.integers())
arguments = st.one_of(
    st.builds(Argument, name=texts, value=literals, literal=st.just(True), location=places),
    st.builds(Argument, name=texts, value=st.none(), literal=st.just(False), location=places),
)
calls = st.builds(Call, target=texts, arguments=st.lists(arguments, max_size=2).map(tuple), location=places, complete=st.booleans())
scripts = st.builds(
    Script,
    calls=st.lists(calls, max_size=2).map(tuple),
    imports=st.lists(st.builds(Import, name=texts, location=places), max_size=2).map(tuple),
    paths=st.lists(texts, max_size=2).map(tuple),
)
rows = st.lists(texts, max_size=3).map(tuple)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    distributions = {}
    for name in draw(st.lists(texts, max_size=3, unique=True)):
        fields = {
            field: draw(texts) for field in ("build", "requires_python", "installer", "direct_url", "location", "origin", "specifier")
        }
        distributions[name] = Distribution(
            name=name, version=draw(st.none() | texts), requires=draw(st.none() | rows), problems=draw(rows), **fields
        )
    values = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | rows
    facts = {path: Fact(path=path, value=draw(values), origin=draw(texts)) for path in draw(st.lists(texts, max_size=3, unique=True))}
    absent = {
        path: Absent(path=path, reason=draw(st.sampled_from(REASONS)), detail=draw(texts))
        for path in draw(st.lists(texts, max_size=3, unique=True))
    }
    return Snapshot(
        distributions=distributions,
        facts=facts,
        absent=absent,
        environment=draw(st.none() | st.dictionaries(texts, texts, max_size=3)),
        script=draw(st.none() | scripts),
        documents=draw(st.lists(st.builds(Document, path=texts, kind=texts, problems=rows), max_size=2).map(tuple)),
    )


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(snapshots())
def test_every_snapshot_comes_back_exactly(snapshot: Snapshot) -> None:
    assert exact(snapshot) == snapshot


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """Return a snapshot as data, with something in every part of it."""
    script = read("import trl\ntrl.SFTConfig(max_length=(1, {'a': 2}), bf16=x)\n", "train.py")
    distributions = {
        name: Distribution(name=name, version=version, requires=("numpy>=1; python_version > '3'",), origin="test", problems=("p",))
        for name, version in {"torch": "2.5.1", "torchao": "0.14.1", "transformers": "4.56.2", "trl": "0.20.0"}.items()
    }
    values: dict[str, Any] = {
        "os.name": "linux", "os.arch": "x86_64", "python.version": "3.11.7", "environment.complete": True, "gpu.count": 1, "gpu.names": ("T4",),
        "gpu.capability.min": 7.5, "gpu.memory.total": 16 << 30, "gpu.vendor": "nvidia", "model.name": "x/y", "training.packing": True,
    }  # fmt: skip
    facts = {path: Fact(path=path, value=value, origin="test") for path, value in values.items()}
    absent = {"driver.version": Absent(path="driver.version", reason=TIMED_OUT, detail="d")}
    documents = (Document(path="box.txt", kind="pip freeze", problems=("p",)),)
    whole = Snapshot(
        distributions=distributions, facts=facts, absent=absent, environment={"WORLD_SIZE": "2"}, script=script, documents=documents
    )
    return to_mapping(whole)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.sampled_from(("version", "value", "path")), inner, max_size=3),
    max_leaves=5,
)


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_wrong_types_anywhere_are_told_or_harmless(data: st.DataObject, told: dict[str, Any], book: CompiledBook) -> None:
    damaged = copy.deepcopy(told)
    at: Any = damaged
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if isinstance(at[key], (dict, list)) and at[key] and data.draw(st.integers(0, 4)):
            at = at[key]
            continue
        if isinstance(at, dict) and data.draw(st.booleans()):
            del at[key]
        else:
            at[key] = data.draw(json_values)
        break
    try:
        snapshot = from_mapping(damaged, "box.json")
    except InputError as error:
        assert str(error).startswith("box.json: ")
        return
    assert exact(snapshot) == snapshot
    report = evaluate(snapshot, book)
    for form in FORMATS:
        assert "\x1b" not in render(report, form, options=Options(width=80, colour=False))


def test_snapshots_that_cannot_be_read_are_told(told: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = json.dumps(told)
    assert main(["check", str(write(tmp_path / "box", good)), "--no-config"]) in (0, 1)
    assert main(["check", str(write(tmp_path / "box.json", good.encode("utf-16"))), "--no-config"]) in (0, 1)  # as PowerShell writes it
    for text, said in (
        (good[: len(good) // 2], "not JSON"),
        (good.replace('"schema": 1', '"schema": 99'), "schema 99 is not known"),
        (good.replace('"schema": 1', '"schema": true'), "schema True is not known"),
        (good.replace('"schema": 1', f'"schema": {DIGITS}'), "not JSON"),
        ('{"kind": "envdoctor-snapshot", "x": ' + "[" * 100_000, "not JSON"),
        ('["envdoctor-snapshot"]', "is no envdoctor snapshot"),
        (good.replace('"2.5.1"', "5"), "distributions.torch.version: is not a text"),
        (good.replace("7.5", "NaN"), "facts.gpu.capability.min.value"),
        (good.replace('"timed-out"', '"perhaps"'), "absent.driver.version.reason"),
    ):
        path = write(tmp_path / "box.json", text)
        capsys.readouterr()
        assert main(["check", str(path), "--no-config"]) == 3
        answer = capsys.readouterr().err
        assert answer.startswith(f"envdoctor: {path}: ")
        assert said in answer
        assert len(answer.splitlines()) == 1
