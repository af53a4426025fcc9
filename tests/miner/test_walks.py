"""What a syntax tree holds: as a walk over all of it would tell, and told once."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from envdoctor.miner.walks import bound, decorators, dotted, functions, holds, inside, yields


def body(text: str) -> list[ast.stmt]:
    return ast.parse(text).body


@pytest.mark.parametrize("text", ["a", "a.b.c", "a().b", "a[0].b", "f(x)", "'x'.join", "(a + b).c", "not a"])
def test_an_expression_reads_as_python_writes_it(text: str) -> None:
    node = ast.parse(text, mode="eval").body
    assert dotted(node) == ast.unparse(node)


def test_real_expressions_read_as_python_writes_them() -> None:
    tree = ast.parse(Path(os.__file__).read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Call)):
            assert dotted(node) == ast.unparse(node)


def test_statements_are_found_in_branches_and_not_in_functions() -> None:
    found = body("if a:\n  try:\n    return\n  except E:\n    break\nmatch b:\n  case 1:\n    raise E\n")
    assert holds(found, ast.Return)
    assert holds(found, ast.Break, ast.Continue)
    assert holds(found, ast.Raise)
    assert not holds(found, ast.Continue)
    assert not holds(body("def f():\n  return\nclass C:\n  def g(self):\n    raise E\n"), ast.Return, ast.Raise)
    assert [type(one) for one in inside(body("def f():\n  return\n"))] == [ast.FunctionDef]


def test_what_a_statement_binds_counts_wherever_it_stands() -> None:
    (node,) = body("for a, b in c:\n  d = e\n  del f\n  def g():\n    h = 1\n  k.x = (m := n)\n")
    assert set(bound(node)) == {"a", "b", "d", "f", "h", "m"}
    assert bound(node) is bound(node)


def test_of_two_functions_of_a_class_the_later_counts() -> None:
    (node,) = body("class C:\n  def f(self): ...\n  @property\n  async def g(self): ...\n  @a.b(1)\n  def f(self, x): ...\n")
    assert isinstance(node, ast.ClassDef)
    assert {name: decorators(one) for name, one in functions(node).items()} == {"f": ("a.b(1)",), "g": ("property",)}
    assert len(functions(node)["f"].args.args) == 2


@pytest.mark.parametrize(
    ("text", "answer"),
    [("yield 1", True), ("x = yield from y", True), ("return [1]", False), ("def g():\n    yield", False), ("if a:\n    yield", True)],
)
def test_a_generator_is_known_by_its_own_yields(text: str, answer: bool) -> None:
    (node,) = body("def f():\n  " + text.replace("\n", "\n  "))
    assert isinstance(node, ast.FunctionDef)
    assert yields(node) is answer
    assert yields(node) is answer
