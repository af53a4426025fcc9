from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the records of repairs, and what uv caches, in folders of the test; return that of the records."""
    for name in ("XDG_STATE_HOME", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path / "XDG_STATE_HOME" / "envdoctor" / "repairs"
