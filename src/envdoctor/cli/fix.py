"""`envdoctor fix`: the repair. Shows what would change and why; writes or installs it only when told to."""

from __future__ import annotations

import os
import shlex
import sys

from envdoctor.cli.check import PATIENT, configuration, target
from envdoctor.cli.fix_script import OPTIONS as OF_SCRIPTS
from envdoctor.cli.options import FLAG, LIST, VALUE, Operand, Option, explain, scan
from envdoctor.model.errors import UsageError
from envdoctor.model.request import Request
from envdoctor.model.uses import PURPOSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.cli.options import Values
    from envdoctor.model.plan import Edit, Plan
    from envdoctor.model.request import Config
    from envdoctor.repair.documents import Document
    from envdoctor.repair.planning import Outcome, Wanted

SUMMARY = (
    "Repair an environment, or a file that lists one. Without PATH, the environment in use. A PATH is a requirements file, pyproject.toml, "
    "environment.yml or lock file, a virtual environment or conda prefix, or a training script or a folder of them, whose calls are "
    "rewritten for the releases in use. Shows the smallest change that makes the set fit, and why; nothing is written without --write or "
    "--apply, and `envdoctor undo` puts either back."
)
OPTIONS: tuple[Option, ...] = (
    Option(name="write", short="w", kind=FLAG, help="write the change into the file"),
    Option(name="output", short="o", kind=VALUE, metavar="FILE", help="write the changed file there instead, and leave the original alone"),
    Option(name="apply", kind=FLAG, help="change the environment, with uv, or pip where uv is missing"),
    Option(name="script", kind=FLAG, help="print the one command that makes the change, and nothing else"),
    Option(name="prove", kind=FLAG, help="install the repaired set in a throw-away environment and train with it, before it is offered"),
    Option(name="upgrade", short="U", kind=FLAG, help="the newest set that is fit, instead of the smallest change"),
    Option(name="keep", kind=LIST, metavar="NAME", help="never move this package (may be given several times, or with commas)"),
    Option(name="universal", kind=FLAG, help="hold the repaired file against Linux, macOS and Windows and every Python it admits"),
    Option(name="choose", kind=VALUE, metavar="N", number=True, default=1, help="take the Nth way out instead of the first"),
    Option(name="offline", kind=FLAG, help="ask no package index; use the releases that the atlas knows"),
    Option(name="plan", kind=VALUE, choices=("text", "json", "diff"), default="text", help="how the plan is shown (default: text)"),
    Option(name="format", kind=VALUE, choices=("text", "json", "diff"), help="the same as --plan"),
    *OF_SCRIPTS,
    *PATIENT,
    Option(name="for", kind=VALUE, choices=tuple(PURPOSES), help="what must work; without it, SFT must"),
    Option(name="config", kind=VALUE, metavar="FILE", help="read this configuration instead of the nearest"),
    Option(name="no-config", kind=FLAG, help="read no configuration"),
    Option(name="quiet", short="q", kind=FLAG, help="print only what changes"),
    Option(name="color", kind=VALUE, choices=("auto", "always", "never"), default="auto", help="colour (default: auto)"),
)
OPERAND = Operand(name="paths", metavar="PATH", help="what to repair")


def run(words: Sequence[str]) -> int:
    """Run `envdoctor fix ...`. Returns 0 where nothing has to change or it was changed, 1 where something is left to do."""
    values = scan(words, OPTIONS, OPERAND) or explain(words, "envdoctor fix", SUMMARY, OPTIONS, OPERAND)
    if _names_scripts(values):
        from envdoctor.cli.fix_script import run_script

        return run_script(values, words)
    _refuse_contradictions(values)
    from envdoctor.cli.terminal import Patience
    from envdoctor.repair.edits import edits
    from envdoctor.repair.planning import repair

    config = configuration(values)
    asked = _request(values, config)
    with Patience("examining", values["quiet"]) as patience:
        outcome = repair(asked, os.environ, _wanted(values), patience.say)
        if values["prove"] and outcome.plans:
            from envdoctor.cli.fix_proof import proven

            outcome = proven(outcome, patience.say)
    plan = _chosen(outcome, values)
    made: tuple[Edit, ...] = ()
    documents: tuple[Document, ...] = ()
    if plan is not None and plan.changes and outcome.ill.listing is not None:
        made, documents = edits(plan.changes, outcome.ill.listing.path)
        plan = plan.replace(edits=made)
    if plan is not None and (values["write"] or values["output"] or values["apply"]):
        return _carry_out(outcome, plan, documents, values, words)
    _show(outcome, plan, documents, values)
    return 1 if plan is not None or outcome.conflict or any(f.severity == "error" for f in outcome.report.findings) else 0


def _names_scripts(values: Values) -> bool:
    """Tell whether all that is named are scripts: one that declares its requirements lists them, unless releases are targeted."""
    paths = values["paths"]
    _refuse_configurations(paths)
    if not paths or not all(path.endswith((".py", ".ipynb")) or _is_folder_of_scripts(path, values) for path in paths):
        if values["target"] or values["unsafe"]:
            raise UsageError("--target and --unsafe are about scripts; name one")
        return False
    from envdoctor.facts.documents import read_text

    return bool(values["target"]) or not any("# /// script" in read_text(path) for path in paths if not os.path.isdir(path))


def _refuse_configurations(paths: Sequence[str]) -> None:
    from envdoctor.facts.scripts import PROGRAMS, is_script

    for path in paths:
        if not path.lower().endswith(PROGRAMS) and is_script(path):
            raise UsageError(f"{path}: a training configuration is not rewritten; `envdoctor check {path}` says what to write instead")


def _is_folder_of_scripts(path: str, values: Values) -> bool:
    """Tell whether a folder is named for its scripts: it holds some, and what they run beside is said elsewhere, or not in it."""
    if not os.path.isdir(path):
        return False
    from envdoctor.facts.documents import asks_for_packages
    from envdoctor.facts.folders import holds_scripts
    from envdoctor.facts.locate import is_environment

    if is_environment(path) or not holds_scripts(path):
        return False
    return any(values[name] for name in ("target", "unsafe", "python", "freeze")) or not asks_for_packages(path)


def _wanted(values: Values) -> Wanted:
    from envdoctor.model.names import normalise
    from envdoctor.repair.planning import Wanted

    return Wanted(
        upgrade=values["upgrade"], offline=values["offline"], keep=tuple(map(normalise, values["keep"])), universal=values["universal"]
    )  # fmt: skip


def _refuse_contradictions(values: Values) -> None:
    files = [path for path in values["paths"] if not os.path.isdir(path)] or values["freeze"]
    if values["apply"] and (values["write"] or values["output"]):
        raise UsageError("--apply changes an environment and --write a file; give one of them")
    if values["apply"] and (files or any((values["gpu"], values["driver"], values["platform"], values["python_version"]))):
        raise UsageError("--apply changes an environment of this machine as it is; name it with --python, and no file or other machine")
    if (values["write"] or values["output"]) and not (values["paths"] or values["freeze"]):
        raise UsageError("--write changes a file: name it, as in `envdoctor fix --write requirements.txt`; --apply changes the environment")
    if values["choose"] < 1:
        raise UsageError("--choose: ways out are counted from 1")
    if values["prove"] and values["offline"]:
        raise UsageError("--prove installs the set, which --offline forbids; leave one of them out")


def _request(values: Values, config: Config) -> Request:
    given = {"model.name": values["model"]} if values["model"] else {}
    return Request(
        paths=values["paths"], python=values["python"], freeze=values["freeze"], purpose=values["for"] or config.purpose,
        target=target(values), given=given, ignores=config.ignores, deep=False,
    )  # fmt: skip


def _chosen(outcome: Outcome, values: Values) -> Plan | None:
    if not outcome.plans:
        return None
    if values["choose"] > len(outcome.plans):
        count = "is one way out" if len(outcome.plans) == 1 else f"are {len(outcome.plans)} ways out"
        raise UsageError(f"--choose {values['choose']}: there {count}")
    plan: Plan = outcome.plans[values["choose"] - 1]
    return plan


def _carry_out(outcome: Outcome, plan: Plan, documents: tuple[Document, ...], values: Values, words: Sequence[str]) -> int:
    from envdoctor.cli.fix_screen import Screen
    from envdoctor.repair.apply import apply
    from envdoctor.repair.sources import environment_for_uv

    command = ["envdoctor", "fix", *words]
    left = 1 if plan.leaves else 0
    screen = Screen(values)
    if values["output"]:
        from envdoctor.cli.check import write_whole
        from envdoctor.repair.edits import after

        if len(documents) > 1:
            paths = ", ".join(document.path for document in documents)
            raise UsageError(f"--output names one file, and the change touches {len(documents)} ({paths}); use --write")
        write_whole(values["output"], after(documents[0], plan.edits))
        screen.done(plan, [values["output"]], "")
        return left
    if values["write"]:
        if not documents:
            raise UsageError("the plan changes no file that is written by hand; `envdoctor fix` without --write says what it changes")
        done = apply(plan.replace(moves=()), documents, command=command)
        screen.done(plan, [document.path for document in documents], done.repair.id if done.repair else "", outcome.ill.locked)
        return left
    python = outcome.ill.python
    if not python:
        raise UsageError("--apply: no interpreter of this environment was found; name it with --python")
    variables = environment_for_uv(os.environ, python)
    done = apply(plan.replace(edits=()), (), python, command=command, quiet=values["quiet"], say=_say, environ=variables)
    for remark in done.remarks:
        _say(remark)
    screen.done(plan, [], done.repair.id if done.repair else "")
    return left


def _say(text: str) -> None:
    from envdoctor.report.plain import clean

    sys.stderr.write(f"envdoctor: {clean(text)}\n")
    sys.stderr.flush()


def _show(outcome: Outcome, plan: Plan | None, documents: tuple[Document, ...], values: Values) -> None:
    from envdoctor.cli.terminal import put

    form = values["format"] or values["plan"]
    if values["script"]:
        put((_command(outcome, plan, values) + "\n") if plan is not None else "")
        return
    if form == "json":
        from envdoctor.cli.fix_json import told

        put(told(outcome, plan, documents))
        return
    if form == "diff":
        from envdoctor.repair.edits import diff

        lines = [line for part in diff(documents, plan.edits if plan else ()).values() for line in part]
        put("".join(line + "\n" for line in lines))
        return
    from envdoctor.cli.fix_screen import Screen

    Screen(values).show(outcome, plan, documents)


def _command(outcome: Outcome, plan: Plan, values: Values) -> str:
    """Return the one command that brings about a plan: it writes a file again, or installs what moves."""
    ill = outcome.ill
    if ill.listing is not None and plan.changes:
        from envdoctor.cli.fix_again import again

        return again(outcome, values)
    wanted = [shlex.quote(f"{move.name}=={move.new}") for move in plan.moves if move.new is not None and move.old != move.new]
    at = f" --python {shlex.quote(ill.python)}" if ill.python else ""
    return f"uv pip install{at} {' '.join(wanted)}"
