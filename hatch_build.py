"""Compiles the rule book into the wheel."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileRuleBook(BuildHookInterface):  # type: ignore[type-arg]
    """Write `envdoctor/knowledge/book/rules.bin` from `rules/`; an editable install reads the TOML files instead."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the book and add it to the wheel."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root / "src"))
        try:
            from envdoctor import __version__
            from envdoctor.knowledge.compiled import compile_book
            from envdoctor.knowledge.load import read_rules
        finally:
            sys.path.pop(0)
        self.scratch = tempfile.mkdtemp(prefix="envdoctor-book-")
        target = Path(self.scratch) / "rules.bin"
        target.write_bytes(compile_book(read_rules(str(root / "rules")), __version__))
        build_data["force_include"][str(target)] = "envdoctor/knowledge/book/rules.bin"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder the book was compiled in; the wheel holds it now."""
        if version != "editable":
            shutil.rmtree(self.scratch, ignore_errors=True)
