"""`check --deep` and its automatic form: releases that the atlas does not know are read from made-up installed files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import main
from envdoctor.hook import preflight
from envdoctor.knowledge.atlas.artefact import CompiledAtlas
from envdoctor.knowledge.atlas.compile import compile_atlas
from envdoctor.knowledge.atlas.text import AtlasText
from envdoctor.miner.installed import Installed, mine_installed
from envdoctor.model.surface import Surface
from tests.conftest import ROOT
from tests.served import metadata

PLAIN = {"transformers": {".", "Trainer", "HybridCache"}, "transformers.utils": {".", "logging"}}
KNOWN = {
    "transformers": {
        "4.57.0": {"offers": PLAIN},
        "4.57.1": {"offers": PLAIN},
        "5.0.0": {"offers": {**PLAIN, "transformers": {".", "Trainer"}}},
        "5.1.0": {"offers": PLAIN},
    },
    "peft": {
        "0.17.0": {"offers": {"peft": {"."}}, "needs": {"import peft": {"transformers:Trainer at peft"}}},
        "0.18.0": {
            "offers": {"peft": {"."}},
            "needs": {"import peft": {"transformers:HybridCache at peft"}},
        },
    },
}
MODULES = "import os\nfrom transformers import HybridCache\n"


def compiled(releases: dict[str, dict[str, dict[str, dict[str, set[str]]]]]) -> CompiledAtlas:
    texts = [
        AtlasText(package=package).with_surfaces(
            Surface(
                package=package, version=version, sections={s: {k: frozenset(v) for k, v in told.items()} for s, told in sections.items()}
            )
            for version, sections in versions.items()
        )
        for package, versions in releases.items()
    ]
    return CompiledAtlas(compile_atlas(texts))


class Box:
    """An environment in which to install things, the packages that were mined, and a way to check it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.site = folder / "lib" / "python3.11" / "site-packages"
        self.mined: list[str] = []
        self._capsys = capsys
        self.site.mkdir(parents=True)
        (folder / "pyvenv.cfg").write_text("home = /nowhere/bin\nversion = 3.11.7\n")
        self.install("torch", "2.9.0", {})

    def install(self, name: str, version: str, files: dict[str, str], direct_url: dict[str, Any] | None = None) -> None:
        info = f"{name}-{version}.dist-info"
        every = {**files, f"{info}/METADATA": metadata(name, version)}
        if direct_url:
            every[f"{info}/direct_url.json"] = json.dumps(direct_url)
        for path, text in every.items():
            (self.site / path).parent.mkdir(parents=True, exist_ok=True)
            (self.site / path).write_text(text)
        rows = "".join(f"{path},sha256=of{hash(text)},{len(text)}\n" for path, text in every.items())
        (self.site / info / "RECORD").write_text(f"{rows}{info}/RECORD,,\n")

    def check(self, *words: str) -> dict[str, Any]:
        code = main(["check", "--python", str(self.folder), "--only", "atlas", "--no-config", "--format", "json", *words])
        printed = self._capsys.readouterr()
        self.err = printed.err
        told: dict[str, Any] = json.loads(printed.out)
        assert code == (1 if any(one["severity"] == "error" for one in told["findings"]) else 0), printed.err
        return told

    def say(self, *words: str) -> str:
        main(["check", "--only", "atlas", "--no-config", *words])
        return self._capsys.readouterr().out


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Box:
    """Make an environment beside an atlas of two packages; mining happens in this process, and is counted."""
    made = Box(tmp_path / "env", capsys)
    known = compiled(KNOWN)

    def here(
        wanted: Sequence[Installed], begun: Callable[[Sequence[Installed]], None], jobs: int = 0
    ) -> Iterator[tuple[Installed, Surface]]:
        for one in wanted:
            begun([one])
            made.mined.append(one.package)
            yield one, mine_installed(one)

    monkeypatch.setattr("envdoctor.miner.apart.mine_apart", here)
    monkeypatch.setattr("envdoctor.diagnosis.open_atlas", lambda: known)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    return made


TRANSFORMERS = {"transformers/__init__.py": "class Trainer: ...\n", "transformers/utils/__init__.py": "logging = 1\n"}
NEWER = {"transformers/__init__.py": "class Trainer: ...\nclass HybridCache: ...\n"}


def keys(told: dict[str, Any]) -> list[str]:
    return [f"{one['rule']}:{one['subject']}" for one in told["findings"]]


def test_a_newer_holder_is_read_and_told_like_any_other(box: Box) -> None:
    box.install("transformers", "5.0.0", TRANSFORMERS)
    box.install("peft", "99.0", {"peft/__init__.py": MODULES})
    told = box.check()
    assert keys(told) == ["needed-name-missing:peft/transformers"]
    (finding,) = told["findings"]
    assert finding["message"] == "peft 99.0 imports HybridCache from transformers, which dropped it in 5.0.0; peft cannot be imported"
    assert finding["why"] == "peft asks for it, as the installed files of peft 99.0 say."
    assert [(one["what"], one["origin"]) for one in finding["because"]] == [
        ("peft", "peft-99.0.dist-info, read from the installed files"),
        ("transformers", "transformers-5.0.0.dist-info"),
    ]
    assert [one["require"] for one in finding["remedies"]] == [{"transformers": ">=5.1.0"}, {"peft": "<0.18.0"}]
    assert box.mined == ["peft"]
    assert box.err == ""


def test_a_newer_partner_is_read_and_known_releases_are_the_cure(box: Box) -> None:
    box.install("transformers", "5.24.0.dev0", TRANSFORMERS)
    box.install("peft", "0.18.0", {})
    (finding,) = box.check()["findings"]
    assert finding["message"] == (
        "peft 0.18.0 imports HybridCache from transformers, which 5.24.0.dev0 does not have; peft cannot be imported"
    )
    assert [one["require"] for one in finding["remedies"]] == [{"transformers": "==5.1.0"}, {"peft": "<0.18.0"}]
    assert finding["confidence"] == "certain"


def test_two_unreleased_packages_are_held_against_each_other(box: Box) -> None:
    box.install("transformers", "5.24.0.dev0+g1a2b3c4", TRANSFORMERS)
    box.install("peft", "99.0", {"peft/__init__.py": MODULES})
    assert keys(box.check()) == ["needed-name-missing:peft/transformers"]
    assert box.mined == ["transformers", "peft"]


def test_known_releases_are_not_read(box: Box) -> None:
    box.install("transformers", "5.0.0", TRANSFORMERS)
    box.install("peft", "0.17.0+cu128", {})
    told = box.check("--deep")
    assert (keys(told), box.mined) == ([], [])


def test_what_was_read_is_kept_and_not_read_again(box: Box, tmp_path: Path) -> None:
    box.install("transformers", "5.0.0", TRANSFORMERS)
    box.install("peft", "99.0", {"peft/__init__.py": MODULES})
    first = box.check()
    assert box.check() == first
    assert box.mined == ["peft"]
    assert [path.name.partition("-")[0] for path in (tmp_path / "cache" / "envdoctor" / "deep").iterdir()] == ["peft"]


def test_files_that_were_changed_in_place_are_read_again(box: Box) -> None:
    box.install("transformers", "5.0.0", TRANSFORMERS)
    box.install("peft", "99.0", {"peft/__init__.py": MODULES})
    assert box.check()["findings"]
    (box.site / "peft" / "__init__.py").write_text("import os\n")
    assert not box.check()["findings"]
    assert box.mined == ["peft", "peft"]


def test_a_damaged_entry_is_read_anew_and_mended(box: Box, tmp_path: Path) -> None:
    box.install("transformers", "5.0.0", TRANSFORMERS)
    box.install("peft", "99.0", {"peft/__init__.py": MODULES})
    first = box.check()
    (kept,) = (tmp_path / "cache" / "envdoctor" / "deep").iterdir()
    good = kept.read_bytes()
    for bad in (b"", good[:-9], b"\x1f\x8b\x08nonsense", good[:40] + b"\xff" + good[41:]):
        kept.write_bytes(bad)
        assert box.check() == first
        assert kept.read_bytes() == good
    assert box.mined == ["peft"] * 5


def test_an_editable_installation_is_followed_and_every_change_counts(box: Box, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "src" / "peft").mkdir(parents=True)
    code = checkout / "src" / "peft" / "__init__.py"
    code.write_text(MODULES)
    box.install("transformers", "5.0.0", TRANSFORMERS)
    url = {"url": checkout.as_uri(), "dir_info": {"editable": True}}
    box.install("peft", "0.19.1.dev0", {"__editable___peft_finder.py": "MAPPING = {}\n"}, url)
    assert keys(box.check()) == ["needed-name-missing:peft/transformers"]
    assert box.check()["findings"]
    assert box.mined == ["peft"]
    code.write_text(MODULES.replace("HybridCache", "TrainerXxxx"))
    os.utime(code, ns=(1, 1))  # the same length: time alone tells
    assert not box.check()["findings"]
    code.write_text(MODULES)
    assert box.check()["findings"]
    assert box.mined == ["peft"] * 3


def test_deep_reads_known_versions_that_came_from_elsewhere(box: Box) -> None:
    box.install("transformers", "5.0.0", TRANSFORMERS)
    url = {"url": "https://host.example/peft", "vcs_info": {"vcs": "git", "commit_id": "0123456"}}
    box.install("peft", "0.17.0", {"peft/__init__.py": MODULES}, url)
    assert not box.check()["findings"]
    assert box.mined == []
    assert keys(box.check("--deep")) == ["needed-name-missing:peft/transformers"]
    assert box.mined == ["peft"]


def test_no_deep_leaves_it_unknown_and_says_what_was_not_read(box: Box, tmp_path: Path) -> None:
    box.install("transformers", "5.24.0", TRANSFORMERS)
    box.install("peft", "99.0", {"peft/__init__.py": MODULES})
    told = box.check("--no-deep")
    assert (told["findings"], box.mined) == ([], [])
    assert "files of peft 99.0, transformers 5.24.0 not read" in " ".join(box.say("--python", str(box.folder), "--no-deep").split())
    config = tmp_path / "envdoctor.toml"
    config.write_text("deep = false\n")
    main(["check", "--python", str(box.folder), "--only", "atlas", "--config", str(config)])
    assert box.mined == []
    main(["check", "--python", str(box.folder), "--only", "atlas", "--config", str(config), "--deep"])
    assert box.mined == ["transformers", "peft"]


def test_both_words_at_once_are_a_mistake(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--deep", "--no-deep"]) == 2
    assert capsys.readouterr().err == "envdoctor: --deep and --no-deep exclude each other; give one of them\n"


def test_nothing_is_read_where_no_finding_could_come_of_it(box: Box) -> None:
    box.install("transformers", "5.24.0", TRANSFORMERS)
    main(["check", "--python", str(box.folder), "--only", "rules", "--no-config"])
    main(["check", "--python", str(box.folder), "--select", "torchao-*", "--no-config"])
    assert box.mined == []


def test_a_list_has_no_files_and_the_summary_says_so(box: Box, tmp_path: Path) -> None:
    freeze = tmp_path / "box.txt"
    freeze.write_text("torch==2.9.0\ntransformers==5.24.0\npeft==0.17.0\n")
    shown = " ".join(box.say("--freeze", str(freeze), "--deep").split())
    assert "5 unknown (files of transformers 5.24.0 not read)" in shown
    assert box.mined == []


def test_a_saved_snapshot_has_no_files_here(box: Box, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box.install("transformers", "5.24.0", TRANSFORMERS)
    saved = tmp_path / "box.json"
    assert main(["snapshot", "--python", str(box.folder), "--output", str(saved)]) == 0
    assert "files of transformers 5.24.0 not read" in " ".join(box.say(str(saved), "--deep").split())
    assert box.mined == []


def test_an_environment_judged_for_another_machine_has_its_files(box: Box) -> None:
    box.install("transformers", "5.0.0", TRANSFORMERS)
    box.install("peft", "99.0", {"peft/__init__.py": MODULES})
    assert keys(box.check("--gpus", "0")) == ["needed-name-missing:peft/transformers"]


def test_the_hook_never_reads_them(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    from envdoctor.facts.locate import place_of

    box.install("transformers", "5.24.0", TRANSFORMERS)
    place = place_of(str(box.folder), {})
    monkeypatch.setattr("envdoctor.facts.locate.own_place", lambda: place)
    report = preflight(environ={"ENVDOCTOR": "warn"})
    assert report is not None
    assert "atlas:transformers" in report.missing()
    assert box.mined == []


def test_what_cannot_be_read_is_said_and_the_rest_is_judged(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    from envdoctor.model.errors import ReleaseError

    box.install("transformers", "5.24.0", TRANSFORMERS)
    monkeypatch.setattr("envdoctor.miner.apart.mine_apart", lambda wanted, begun: [(one, ReleaseError("no\x1b[31m way")) for one in wanted])
    told = box.check()
    assert told["findings"] == []
    assert box.err == "envdoctor: no\N{REPLACEMENT CHARACTER}[31m way\n"


def test_a_cache_that_cannot_be_written_to_costs_time_only(box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    box.install("transformers", "5.0.0", TRANSFORMERS)
    box.install("peft", "99.0", {"peft/__init__.py": MODULES})
    assert keys(box.check()) == keys(box.check()) == ["needed-name-missing:peft/transformers"]
    assert box.mined == ["peft", "peft"]


@pytest.mark.skipif(os.name != "posix", reason="an interrupt of POSIX")
def test_an_interrupt_ends_the_children_too(tmp_path: Path) -> None:
    import signal

    site = tmp_path / "site"
    info = site / "slow-1.0.dist-info"
    (site / "slow").mkdir(parents=True)
    info.mkdir()
    (site / "slow" / "__init__.py").write_text("a = b\n" * 200_000)
    (info / "METADATA").write_text(metadata("slow", "1.0"))
    code = (
        "import sys\n"
        "from envdoctor.miner import installed, tree\n"
        "from envdoctor.miner.apart import mine_apart\n"
        f"one = installed.Installed(package='slow', version='1.0', site_packages={str(site)!r})\n"
        "try:\n"
        "    for _ in mine_apart([one], lambda running: print('begun', flush=True)): print('mined', flush=True)\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    (info / "RECORD").write_text("slow/__init__.py,,\nslow-1.0.dist-info/METADATA,,\n")
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")
