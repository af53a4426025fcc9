from __future__ import annotations

import json
from typing import Any

import pytest

from envdoctor.cli import main
from envdoctor.knowledge.atlas import load
from envdoctor.knowledge.atlas.artefact import CompiledAtlas
from envdoctor.knowledge.atlas.compile import compile_atlas
from envdoctor.knowledge.atlas.text import AtlasText
from envdoctor.model.surface import Surface

TRANSFORMERS: dict[str, dict[str, dict[str, set[str]]]] = {
    "4.57.0": {
        "offers": {"transformers": {".", "HybridCache", "Trainer", "_hidden", "os"}, "transformers.trainer": {".", "Trainer", "sys"}},
        "takes": {"transformers.trainer:Trainer": {"model", "tokenizer=None"}, "transformers.trainer:Trainer.train": {"resume"}},
        "requires": {"": {"tokenizers<=0.23.0,>=0.22.0"}},
        "deprecates": {"transformers.trainer:Trainer": {"`tokenizer` is deprecated"}},
    },
    "5.0.0": {
        "offers": {
            "transformers": {".", "Trainer", "Fresh", "_new", "re"},
            "transformers.trainer": {".", "Trainer", "json"},
            "transformers.fresh": {"."},
        },
        "takes": {"transformers.trainer:Trainer": {"model", "processing_class"}, "transformers.fresh:Fresh": {"a"}},
        "requires": {"": {"tokenizers>=0.23"}},
        "reads": {"": {"HF_HOME"}},
    },
}
PEFT: dict[str, dict[str, dict[str, set[str]]]] = {
    "0.17.1": {"needs": {"import peft": {"transformers:HybridCache at peft.a"}, "peft LoRA wrap": {"transformers:HybridCache at peft.b"}}},
    "0.18.0": {"needs": {"import peft": {"transformers:HybridCache if transformers<5 at peft.a", "torch:Tensor at peft.a"}}},
}


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        AtlasText(package=package).with_surfaces(
            Surface(
                package=package,
                version=version,
                date="2025-11-01",
                sections={s: {k: frozenset(v) for k, v in told.items()} for s, told in sections.items()},
            )
            for version, sections in releases.items()
        )
        for package, releases in (("transformers", TRANSFORMERS), ("peft", PEFT))
    ]
    monkeypatch.setattr(load, "_OPENED", [CompiledAtlas(compile_atlas(texts))])
    monkeypatch.setenv("COLUMNS", "80")


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["atlas", *words]) == code
    printed = capsys.readouterr()
    return printed.err if code else printed.out


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    return json.loads(told(capsys, *words, "--format", "json"))


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "list") == (
        "peft             2 releases, 0.17.1 to 0.18.0 2025-11-01\ntransformers     2 releases, 4.57.0 to 5.0.0 2025-11-01\n"
    )
    assert as_json(capsys, "list")[1] == {
        "package": "transformers",
        "releases": 2,
        "first": "4.57.0",
        "newest": "5.0.0",
        "date": "2025-11-01",
    }


def test_show_a_package(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, "show", "Transformers")
    assert out.startswith(
        "transformers: 2 releases, 4.57.0 to 5.0.0 2025-11-01\n\nin 5.0.0\n  modules                     3\n  names                       5\n"
    )
    found = as_json(capsys, "show", "transformers")
    assert [one["version"] for one in found["releases"]] == ["4.57.0", "5.0.0"]


def test_show_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "show", "transformers", "HybridCache") == "transformers: HybridCache\n  transformers:HybridCache  4.57.0\n"
    assert told(capsys, "show", "transformers", "Trainer") == (
        "transformers: Trainer\n  transformers:Trainer          4.57.0 on\n  transformers.trainer:Trainer  4.57.0 on\n"
        "  deprecated: `tokenizer` is deprecated  4.57.0\n\ntransformers.trainer:Trainer takes\n  model             4.57.0 on\n"
        "  tokenizer         4.57.0\n  processing_class  5.0.0 on\n"
    )
    exact = as_json(capsys, "show", "transformers", "transformers.trainer:Trainer")
    assert exact["parameters"]["transformers.trainer:Trainer"]["tokenizer"] == [["4.57.0", "4.57.0"]]
    assert as_json(capsys, "show", "transformers", "transformers.trainer.Trainer")["places"] == {
        "transformers.trainer:Trainer": [["4.57.0", ""]]
    }


def test_show_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        told(capsys, "show", "transformers", "transformers.fresh") == "transformers: transformers.fresh\n  transformers.fresh  5.0.0 on\n"
    )
    assert "\n7 names: Fresh, HybridCache, Trainer" not in told(
        capsys, "show", "transformers", "transformers"
    )  # private ones only with --all
    assert "_hidden" in told(capsys, "show", "transformers", "transformers", "--all")


def test_diff_tells_what_others_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "diff", "transformers", "4.57", "5.0.0") == (
        "transformers 4.57.0 to 5.0.0\n\nmodules\n  + transformers.fresh\n\nnames\n  - transformers: HybridCache\n  + transformers: Fresh\n\n"
        "callables\n  - transformers.trainer:Trainer.train\n\n"
        "parameters\n  - transformers.trainer:Trainer: tokenizer\n  + transformers.trainer:Trainer: processing_class\n\n"
        "requirements\n  - tokenizers<=0.23.0,>=0.22.0\n  + tokenizers>=0.23\n\nenvironment variables\n  + HF_HOME\n\n"
        "deprecations\n  - transformers.trainer:Trainer: `tokenizer` is deprecated\n"
    )
    assert "- transformers: HybridCache, _hidden, os" in told(capsys, "diff", "transformers", "4.57", "5.0.0", "--all")
    found = as_json(capsys, "diff", "transformers", "5.0.0", "4.57.0")
    assert found["changes"]["offers"]["transformers"] == {"new": ["HybridCache"], "gone": ["Fresh"]}
    assert told(capsys, "diff", "transformers", "5.0.0", "5.0.0") == "transformers 5.0.0 to 5.0.0: nothing that the atlas knows of\n"


def test_who_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "who-needs", "transformers.HybridCache") == (
        "peft\n  0.17.1: for import peft, peft LoRA wrap\n  0.18.0 on: for import peft, if transformers<5\n"
    )
    assert told(capsys, "who-needs", "torch") == "peft\n  0.18.0 on: torch.Tensor for import peft\n"
    assert told(capsys, "who-needs", "numpy.float") == "no release that the atlas knows needs numpy.float\n"
    assert [row["module"] for row in as_json(capsys, "who-needs", "transformers:HybridCache")] == ["peft.a", "peft.a", "peft.b"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shwo"], "did you mean show?"),
        (["show", "transformer"], "did you mean transformers?"),
        (["show", "vllm"], "`envdoctor atlas list` names them all"),
        (["show", "transformers", "HybirdCache"], "did you mean HybridCache?"),
        (["show", "transformers", "a", "b"], "takes a package, and one name"),
        (["diff", "transformers", "4.57", "5.1"], "the atlas does not have transformers 5.1"),
    ],
)
def test_mistakes_are_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in told(capsys, *words, code=2)


def test_without_an_atlas(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_OPENED", [None])
    assert "`envdoctor atlas update` mines one" in told(capsys, "list", code=2)


def test_check_with_one_kind_of_knowledge(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    box = tmp_path / "box.txt"
    box.write_text("torch==2.9.0\ntransformers==5.0.0\npeft==0.17.1\naccelerate==1.12.0\n")
    words = ["check", "--freeze", str(box), "--no-config", "--gpus", "0", "--platform", "linux-x86_64", "--python-version", "3.11"]
    assert main([*words, "--only", "atlas"]) == 1
    out = capsys.readouterr().out
    assert "peft 0.17.1 imports HybridCache from transformers, which dropped it in" in " ".join(out.split())
    assert main([*words, "--only", "atlas", "--select", "needed-module-*"]) == 0
    main([*words, "--only", "rules"])
    assert "needed-name-missing" not in capsys.readouterr().out
