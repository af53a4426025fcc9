"""What several tests share: the folders of this checkout, the rule book, and a way to make small snapshots."""

from __future__ import annotations

import os
from typing import Any

import pytest

from envdoctor.knowledge.compiled import CompiledBook, compile_book
from envdoctor.knowledge.load import read_rules
from envdoctor.model.facts import Fact
from envdoctor.model.snapshot import Distribution, Snapshot

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RULES = os.path.join(ROOT, "rules")
FIXTURES = os.path.join(ROOT, "fixtures")


@pytest.fixture(scope="session")
def rules() -> list[Any]:
    return read_rules(RULES)


@pytest.fixture(scope="session")
def book(rules: list[Any]) -> CompiledBook:
    return CompiledBook(compile_book(rules, "test"))


def snapshot(versions: dict[str, str | None], facts: dict[str, Any] | None = None, environment: dict[str, str] | None = None) -> Snapshot:
    told = {"os.name": "linux", "os.arch": "x86_64", "python.version": "3.11.7", "environment.complete": True, **(facts or {})}
    return Snapshot(
        distributions={name: Distribution(name=name, version=version, origin="test") for name, version in versions.items()},
        facts={path: Fact(path=path, value=value, origin="test") for path, value in told.items()},
        environment=environment,
    )
