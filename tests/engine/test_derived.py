"""Findings that the atlas derives, on surfaces made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from envdoctor.engine.evaluate import evaluate
from envdoctor.knowledge.atlas.artefact import CompiledAtlas
from envdoctor.knowledge.atlas.compile import compile_atlas
from envdoctor.knowledge.atlas.text import AtlasText
from envdoctor.knowledge.compiled import CompiledBook, compile_book
from envdoctor.model.finding import DERIVED, UNFIT, Clear, Finding, Fired, Report, Skipped, Unknown
from envdoctor.model.request import Ignore
from envdoctor.model.surface import Surface
from tests.conftest import snapshot

NO_RULES = CompiledBook(compile_book([], "none"))
STACK = {"torch": "2.6.0", "transformers": "4.50.0", "peft": "0.17.1", "trl": "0.20.0", "accelerate": "1.5.0", "datasets": "3.0.0"}


def atlas(releases: dict[str, dict[str, dict[str, dict[str, set[str]]]]]) -> CompiledAtlas:
    """Compile package -> version -> section -> subject -> items."""
    return CompiledAtlas(
        compile_atlas(
            AtlasText(package=package).with_surfaces(
                Surface(
                    package=package,
                    version=version,
                    sections={s: {k: frozenset(v) for k, v in told.items()} for s, told in sections.items()},
                )
                for version, sections in versions.items()
            )
            for package, versions in releases.items()
        )
    )


def transformers(*extra: set[str]) -> dict[str, Any]:
    """Five releases; HybridCache from 4.42 to 4.57, and what each is given on top."""
    versions = ("4.40.0", "4.42.0", "4.50.0", "4.57.0", "5.0.0")
    told: dict[str, Any] = {}
    for place, version in enumerate(versions):
        names = {".", "Trainer"} | ({"HybridCache"} if 1 <= place <= 3 else set()) | (extra[place] if place < len(extra) else set())
        told[version] = {
            "offers": {"transformers": names, "transformers.trainer": {".", "Trainer"}},
            "takes": {"transformers:Trainer": {"model", "tokenizer"} if place < 4 else {"model", "processing_class"}},
        }
    told["4.40.0"]["offers"]["transformers.deepspeed"] = {"."}
    return told


PEFT = {
    "0.17.0": {"offers": {"peft": {"."}, "peft.utils": {"."}}},
    "0.17.1": {
        "offers": {"peft": {"."}, "peft.utils": {"."}},
        "needs": {"import peft": {"transformers:HybridCache at peft.peft_model"}},
    },
    "0.18.0": {"offers": {"peft": {"."}, "peft.utils": {"."}}, "needs": {"import peft": {"transformers:Trainer at peft.x"}}},
}


def judged(known: CompiledAtlas, versions: dict[str, str | None], **more: Any) -> Report:
    return evaluate(snapshot(versions, more.pop("facts", None)), more.pop("book", NO_RULES), atlas=known, **more)


def only(report: Report) -> Finding:
    (finding,) = report.findings
    return finding


def test_a_dropped_name_is_told_like_a_rule_tells() -> None:
    report = judged(atlas({"peft": PEFT, "transformers": transformers()}), {**STACK, "transformers": "5.0.0"})
    finding = only(report)
    assert finding.rule == "needed-name-missing"
    assert finding.message == ("peft 0.17.1 imports HybridCache from transformers, which dropped it in 5.0.0; peft cannot be imported")
    assert finding.key == "needed-name-missing:peft/transformers"
    assert (finding.severity, finding.impact, finding.confidence) == ("error", "crash-at-import", "certain")
    assert finding.uses[:2] == ("import peft", "peft LoRA wrap")
    assert finding.packages == ("peft", "transformers")
    assert [(reason.what, reason.value) for reason in finding.because] == [("peft", "0.17.1"), ("transformers", "5.0.0")]
    assert [dict(remedy.require) for remedy in finding.remedies] == [{"peft": ">=0.18.0"}, {"transformers": ">=4.42.0,<5.0.0"}]
    assert finding.why == "peft.peft_model asks for it, as the files of peft 0.17.1 say."
    assert report.verdict == UNFIT
    assert isinstance(report.outcomes["needed-name-missing"], Fired)
    assert isinstance(report.outcomes["needed-module-missing"], Clear)


def test_a_name_that_came_later_is_told_with_its_first_release() -> None:
    finding = only(judged(atlas({"peft": PEFT, "transformers": transformers()}), {**STACK, "transformers": "4.40.0"}))
    assert "HybridCache from transformers, which has it only from 4.42.0 on; peft cannot" in finding.message


@pytest.mark.parametrize("version", ["4.42.0", "4.57.0", "4.50.0+local", "4.42", "4.45.1", None, "5.1.0", "4.39.0", "nonsense"])
def test_other_releases_are_clear_or_unknown(version: str | None) -> None:
    report = judged(atlas({"peft": PEFT, "transformers": transformers()}), {**STACK, "transformers": version})
    assert report.findings == ()
    unread = version in (None, "5.1.0", "4.39.0", "nonsense")
    assert (type(report.outcomes["needed-name-missing"]) is Unknown) is unread
    assert report.missing() == ({"atlas:transformers": len(DERIVED)} if unread else {})


def test_a_release_between_two_that_agree_is_judged_as_likely() -> None:
    extra = {"HybridCache"}
    known = atlas({"peft": PEFT, "transformers": transformers(set(), extra, set(), set(), set())})
    assert judged(known, {**STACK, "transformers": "4.41.0"}).findings == ()  # 4.40 and 4.42 do not agree
    older = transformers()
    older["4.39.0"] = older["4.40.0"]
    finding = only(judged(atlas({"peft": PEFT, "transformers": older}), {**STACK, "transformers": "4.39.5"}))
    assert finding.confidence == "likely"


def needing(*items: str, section: str = "needs", entry: str = "import peft") -> dict[str, Any]:
    return {"0.17.1": {"offers": {"peft": {"."}}, section: {entry: set(items)}}}


def test_a_missing_module() -> None:
    known = atlas({"peft": needing("transformers.deepspeed:is_on at peft.x"), "transformers": transformers()})
    assert judged(known, STACK).findings == ()  # nobody ever had that name: not understood, not judged
    known = atlas({"peft": needing("transformers.deepspeed at peft.x"), "transformers": transformers()})
    finding = only(judged(known, STACK))
    assert finding.rule == "needed-module-missing"
    assert finding.message.startswith("peft 0.17.1 imports the module transformers.deepspeed, which transformers dropped in 4.42.0; ")


def test_an_argument_that_is_no_longer_taken() -> None:
    peft = needing("transformers:Trainer(tokenizer) at peft.train", section="passes", entry="peft LoRA wrap")
    finding = only(judged(atlas({"peft": peft, "transformers": transformers()}), {**STACK, "transformers": "5.0.0"}))
    assert finding.rule == "needed-argument-missing"
    assert finding.message == (
        "peft 0.17.1 passes tokenizer to transformers.Trainer, which no longer takes it since 5.0.0; peft LoRA wrap fails"
    )
    assert finding.impact == "crash-at-start"


def test_a_package_that_is_not_there_and_not_declared() -> None:
    peft = needing("rich.table:Table at peft.show")
    peft["0.17.1"]["requires"] = {"": {"rich; extra == 'show'"}}
    finding = only(judged(atlas({"peft": peft}), STACK))
    assert finding.rule == "needed-package-missing"
    assert finding.message == "peft 0.17.1 imports rich, which is not installed; peft cannot be imported"
    assert finding.remedies[-1].require == {"rich": ""}
    patient = snapshot({**STACK})
    distributions = {**patient.distributions, "peft": patient.distributions["peft"].replace(requires=("torch>=2",))}
    told = evaluate(patient.replace(distributions=distributions), NO_RULES, atlas=atlas({"peft": peft}))
    assert "which is not installed and which it does not declare;" in only(told).message
    assert judged(atlas({"peft": peft}), {**STACK, "rich": "14.0"}).findings == ()
    assert judged(atlas({"peft": peft}), STACK, facts={"environment.complete": False}).findings == ()


def test_a_module_that_no_known_distribution_brings_is_never_missing() -> None:
    assert judged(atlas({"peft": needing("mystery_module at peft.x", "tomllib at peft.x", "google.cloud at peft.x")}), STACK).findings == ()


def test_a_refusal_in_the_code() -> None:
    peft = needing("torchao<0.15&has:torchao => Found an incompatible version of torchao at peft.import_utils", section="refuses")
    torchao = {version: {"offers": {"torchao": {"."}}} for version in ("0.14.0", "0.14.1", "0.15.0")}
    known = atlas({"peft": peft, "torchao": torchao})
    finding = only(judged(known, {**STACK, "torchao": "0.14.1"}))
    assert finding.rule == "version-refused-in-code"
    assert finding.message.startswith("peft 0.17.1 refuses torchao 0.14.1: Found an incompatible version of torchao; peft cannot")
    assert finding.remedies[0].require == {"torchao": ">=0.15.0"}
    assert judged(known, {**STACK, "torchao": "0.15.0"}).findings == ()
    assert judged(known, STACK).findings == ()


def test_a_refusal_of_python_is_about_nobody_else() -> None:
    finding = only(judged(atlas({"peft": needing("py<3.12 => needs Python 3.12 at peft.x", section="refuses")}), STACK))
    assert finding.message.startswith("peft 0.17.1 refuses this environment: needs Python 3.12; ")
    assert (finding.subject, finding.packages) == ("peft", ("peft",))


def test_a_fault_is_carried_by_imports_to_the_uses() -> None:
    peft = needing("transformers:HybridCache at peft.utils.other", entry="import peft.utils")
    trl = {
        "0.20.0": {
            "offers": {"trl": {"."}},
            "needs": {"trl.SFTTrainer": {"peft.utils.deep:name if has:peft at trl.trainer.sft", "torch:Tensor at trl.trainer.sft"}},
        }
    }
    known = atlas({"peft": peft, "trl": trl, "transformers": transformers()})
    finding = only(judged(known, {**STACK, "transformers": "5.0.0"}))
    assert finding.uses[0] == "trl.SFTTrainer"
    assert finding.packages == ("peft", "transformers")
    assert finding.message.endswith("; trl.SFTTrainer cannot be imported")
    assert "trl.trainer.sft of trl imports peft.utils.deep.name" in finding.why
    without = {name: version for name, version in STACK.items() if name != "trl"}
    assert judged(known, {**without, "transformers": "5.0.0"}).findings == ()  # reaches no use


@pytest.mark.parametrize(
    ("guard", "fires"), [("gpu", False), ("?", False), ("has:torch", True), ("has:vllm", False), ("os=linux&py>=3.9", True)]
)
def test_only_a_guard_that_certainly_holds_counts(guard: str, fires: bool) -> None:
    known = atlas({"peft": needing(f"transformers:HybridCache if {guard} at peft.x"), "transformers": transformers()})
    assert bool(judged(known, {**STACK, "transformers": "5.0.0"}).findings) is fires


def test_a_helper_that_answers_with_itself_ends() -> None:
    others = transformers()
    others["5.0.0"]["answers"] = {"transformers:is_on": {"$1 => call:transformers:is_on:$1"}}
    known = atlas({"peft": needing("transformers:HybridCache if call:transformers:is_on:x at peft.x"), "transformers": others})
    assert judged(known, {**STACK, "transformers": "5.0.0"}).findings == ()


def test_a_rule_about_the_same_pair_tells_it_alone(rules: list[Any]) -> None:
    rule = next(rule for rule in rules if rule.severity == "error" and not rule.remedies[0].set_argument)
    from envdoctor.model.versions import window

    match = ("all", (("dist", "peft", window("<0.18")), ("dist", "transformers", window(">=5"))))
    book = CompiledBook(compile_book([rule.replace(id="mine", match=match, uses=("load adapter",), severity="error")], "test"))
    known = atlas({"peft": PEFT, "transformers": transformers()})
    report = judged(known, {**STACK, "transformers": "5.0.0"}, book=book)
    finding = only(report)
    assert finding.rule == "mine"
    assert {"load adapter", "import peft"} <= set(finding.uses)
    assert isinstance(report.outcomes["needed-name-missing"], Clear)
    alone = judged(known, {**STACK, "transformers": "5.0.0"}, book=book, skip=lambda rule: "no" if rule == "mine" else None)
    assert only(alone).rule == "needed-name-missing"
    neither = judged(known, {**STACK, "transformers": "5.0.0"}, skip=lambda rule: "no")
    assert neither.findings == ()
    assert isinstance(neither.outcomes["needed-name-missing"], Skipped)


def test_a_derived_finding_can_be_ignored() -> None:
    from envdoctor.engine.suppress import reason_to_ignore

    ignore = Ignore(rule="needed-name-missing", subject="peft/transformers", reason="no LoRA here")
    report = judged(
        atlas({"peft": PEFT, "transformers": transformers()}),
        {**STACK, "transformers": "5.0.0"},
        ignore=lambda finding: reason_to_ignore(finding, [ignore], ""),
    )
    assert report.findings == ()
    assert [finding.suppressed for finding in report.suppressed] == ["no LoRA here"]


def test_many_missing_names_make_one_message() -> None:
    others = transformers({"A", "B", "C", "D", "E"})
    peft = needing(*(f"transformers:{name} at peft.x" for name in "ABCDE"), "transformers:HybridCache at peft.x")
    finding = only(judged(atlas({"peft": peft, "transformers": others}), {**STACK, "transformers": "5.0.0"}))
    assert "peft 0.17.1 imports A, B, C and 2 more (and 1 more) from transformers, which dropped it in 4.42.0" in finding.message
