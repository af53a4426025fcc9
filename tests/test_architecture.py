"""Who may import whom, who may touch the machine, and what importing the package costs in modules."""

from __future__ import annotations

import ast
import doctest
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import ROOT

SOURCE = os.path.join(ROOT, "src", "envdoctor")
MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "engine": {"model"},
    "formats": {"model"},
    "script": {"model"},
    "memory": {"model"},
    "report": {"model"},
    "logs": {"model"},
    "knowledge": {"model"},
    "facts": {"model", "formats", "script"},
    "miner": {"model", "knowledge"},
    "lab": {"model", "knowledge"},
    "foresight": {"model", "facts", "script", "memory"},
    "environments": {"model", "facts", "formats", "knowledge"},
    "tracing": {"model", "memory"},
    "diagnosis": {"model", "facts", "knowledge", "engine", "foresight", "environments"},
    "repair": {"model", "diagnosis", "environments", "formats", "script", "engine", "facts", "knowledge"},
    "hook": {"model", "diagnosis", "facts", "report"},
    "callback": {"hook", "facts"},
    "run": {"model", "hook"},
    "launch": {"model"},
    "cli": {
        "model",
        "diagnosis",
        "facts",
        "knowledge",
        "engine",
        "report",
        "script",
        "logs",
        "miner",
        "lab",
        "memory",
        "tracing",
        "repair",
        "launch",
    },
}
TOUCHES_MACHINE = {
    "facts",
    "cli",
    "run",
    "launch",
    "knowledge.load",
    "knowledge.atlas.load",
    "knowledge.reference",
    "knowledge.fixtures",
    "knowledge.lint",
    "knowledge.not_rules",
    "knowledge.scaffold",
    "knowledge.trained",
    "knowledge.spellings",
    "miner.apart",
    "miner.index",
    "miner.installed",
    "miner.journal",
    "miner.kept",
    "miner.store",
    "miner.texts",
    "miner.tree",
    "miner.update",
    "miner.web",
    "repair.apply",
    "repair.documents",
    "repair.files",
    "repair.installed",
    "repair.installer",
    "repair.journal",
    "repair.lock",
    "repair.patient",
    "repair.returning",
    "repair.sources",
    "repair.undo",
    "repair.uv",
    "hook",
    "diagnosis",
    "environments",
    "lab",
    "tracing.child",
    "tracing.step.__main__",
    "tracing.step.substitutes",
    "tracing.step.tracing",
}
PURE = ("urllib.parse", "os.path")  # text in, text out
HEAVY = (
    "rich",
    "packaging",
    "importlib.metadata",
    "pydantic",
    "argparse",
    "dataclasses",
    "typing",
    "re",
    "json",
    "subprocess",
    "torch",
    "transformers",
)


def modules() -> list[tuple[str, str]]:
    found = []
    for folder, _, names in os.walk(SOURCE):
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                dotted = os.path.relpath(path, SOURCE)[:-3].replace(os.sep, ".").removesuffix(".__init__")
                found.append((dotted, path))
    return sorted(found)


def imported(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    hidden = {
        id(node)
        for part in ast.walk(tree)
        if isinstance(part, ast.If) and ast.unparse(part.test) == "TYPE_CHECKING"
        for node in ast.walk(part)
    }
    names = []
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "envdoctor" else [node.module]
    return names


@pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])
def test_imports_follow_the_table(name: str, path: str) -> None:
    part = name.split(".", maxsplit=1)[0]
    allowed = MAY_IMPORT.get(part)
    if part in ("__init__", "__main__"):
        return
    assert allowed is not None, f"{part} is missing in the table"
    own = [found for found in imported(path) if found.startswith("envdoctor.")]
    wrong = [found for found in own if found.split(".")[1] not in allowed | {part, "__version__"}]
    assert wrong == []


@pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])
def test_pure_parts_touch_nothing(name: str, path: str) -> None:
    if name in TOUCHES_MACHINE or name.split(".", maxsplit=1)[0] in TOUCHES_MACHINE or name == "__init__":
        return
    outside = {"os", "subprocess", "socket", "shutil", "tempfile", "pathlib", "urllib", "requests", "httpx"}
    assert [found for found in imported(path) if found.split(".")[0] in outside and found not in PURE] == []
    with open(path, encoding="utf-8") as file:
        calls = [
            node.func.id for node in ast.walk(ast.parse(file.read())) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
    assert not {"open", "eval", "exec", "input"} & set(calls)


@pytest.mark.parametrize(("name", "path"), modules(), ids=[name for name, _ in modules()])
def test_no_module_is_a_god(name: str, path: str) -> None:
    with open(path, encoding="utf-8") as file:
        assert len(file.read().splitlines()) <= 400
    assert name.rsplit(".", maxsplit=1)[-1] not in ("utils", "helpers", "common", "manager", "handler", "misc")


WITH_SAMPLES = [name for name, path in modules() if "\n    >>> " in Path(path).read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", WITH_SAMPLES)
def test_the_samples_in_docstrings_hold(name: str) -> None:
    done = doctest.testmod(import_module(f"envdoctor.{name}"))
    assert done.attempted
    assert not done.failed


def test_importing_the_package_and_the_hook_loads_nothing_heavy() -> None:
    code = "import sys; before = set(sys.modules); import envdoctor; from envdoctor import preflight; print('\\n'.join(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {os.path.dirname(SOURCE)!r}); " + code],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "envdoctor.hook" in loaded
    assert loaded.isdisjoint(HEAVY)
    assert not any(name.startswith(("envdoctor.cli", "envdoctor.report", "envdoctor.formats", "envdoctor.lab")) for name in loaded)
