"""Compiles the rule book and the atlas into the wheel."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileRuleBook(BuildHookInterface):  # type: ignore[type-arg]
    """Write `envdoctor/knowledge/book/*.bin` from `rules/`; an editable install reads the files there instead."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile them and add them to the wheel."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root / "src"))
        try:
            from envdoctor import __version__
            from envdoctor.knowledge.atlas.compile import compile_atlas
            from envdoctor.knowledge.atlas.load import read_texts
            from envdoctor.knowledge.compiled import compile_book
            from envdoctor.knowledge.load import read_rules
            from envdoctor.knowledge.spellings import compile_spellings, read_spellings
        finally:
            sys.path.pop(0)
        self.scratch = tempfile.mkdtemp(prefix="envdoctor-book-")
        made = {
            "rules.bin": compile_book(read_rules(str(root / "rules")), __version__),
            "atlas.bin": compile_atlas(read_texts(str(root / "rules" / "atlas"))),
            "spellings.bin": compile_spellings(read_spellings(str(root / "rules" / "spellings"))),
        }
        trained = root / "rules" / "trained.txt"
        if trained.exists():
            made["trained.txt"] = trained.read_bytes()
        for name, data in made.items():
            target = Path(self.scratch) / name
            target.write_bytes(data)
            build_data["force_include"][str(target)] = f"envdoctor/knowledge/book/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder they were compiled in; the wheel holds them now."""
        if version != "editable":
            shutil.rmtree(self.scratch, ignore_errors=True)
