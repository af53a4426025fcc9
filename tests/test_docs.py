"""What the documents show is what happens: examples run, tables follow the code, links lead somewhere, and every name is there.

`ENVDOCTOR_ACCEPT=1 pytest tests/test_docs.py` rewrites shown outputs and generated parts; look at the difference before you commit it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from envdoctor.cli import COMMANDS, atlas, check, completion, explain, fit, fix, lab, main, rules, snapshot, undo
from envdoctor.cli.options import FLAG, LIST, Operand, Option, scan
from envdoctor.diagnosis import check as examine
from envdoctor.facts.configuration import KEYS, read_config
from envdoctor.facts.recorded import RecordedHost, load
from envdoctor.formats import FORMATS
from envdoctor.knowledge import vocabulary
from envdoctor.knowledge.parse import parse_rule, parse_toml
from envdoctor.model.finding import Report
from envdoctor.model.request import Request, Target
from envdoctor.report.json_v1 import document
from envdoctor.report.options import Options
from tests.conftest import ROOT
from tests.test_architecture import MAY_IMPORT

TOP = Path(ROOT)
SOURCE = TOP / "src" / "envdoctor"
EXAMPLES = TOP / "docs" / "examples"
GENERATED = ("docs/reference/rules.md", "docs/reference/facts.md", "docs/reference/uses.md", "docs/reference/rules/")
ELSEWHERE = ("docs/performance.md", "docs/explanation/accuracy.md")
"""Pages with figures that are measured, not derived; their own tests look after them."""
PAGES = sorted(
    path
    for path in [TOP / "README.md", TOP / "CONTRIBUTING.md", *(TOP / "docs").rglob("*.md")]
    if not path.relative_to(TOP).as_posix().startswith((*GENERATED, *ELSEWHERE))
)
GUIDES = [path for path in PAGES if path.name == "CONTRIBUTING.md" or path.parent.name in ("how-to", "explanation")]
RUN = import_module("envdoctor.cli.run")  # the name `run` of the folder is that of the console script
COMMAND_WORDS = {
    "check": (check.OPTIONS, check.OPERAND),
    "fix": (fix.OPTIONS, fix.OPERAND),
    "fit": (fit.OPTIONS, fit.OPERAND),
    "explain": (explain.OPTIONS, explain.OPERAND),
    "run": (RUN.OPTIONS, RUN.OPERAND),
    "snapshot": (snapshot.OPTIONS, snapshot.OPERAND),
    "undo": (undo.OPTIONS, undo.OPERAND),
    "completion": ((), completion.OPERAND),
    **{f"rules {action}": row for action, row in rules.TABLE.items()},
    **{f"atlas {action}": row for action, row in atlas.TABLE.items()},
    **{f"lab {action}": row for action, row in lab.TABLE.items()},
}
ACCEPT = os.environ.get("ENVDOCTOR_ACCEPT")  # read before a test empties the environment
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PART = re.compile(r"(<!-- generated: ([^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def named(path: Path) -> str:
    return path.relative_to(TOP).as_posix()


def blocks(language: str) -> list[tuple[Path, str]]:
    return [(path, text) for path in PAGES for kind, text in BLOCK.findall(path.read_text("utf-8")) if kind == language]


# Examples


def sections(block: str) -> list[tuple[str, list[str]]]:
    """Split a console block into commands, each with the output shown below it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        elif found:
            found[-1][1].append(line)
    return found


def words_of(command: str) -> list[str]:
    """Return the words of a command, up to a pipe or a redirection."""
    words = shlex.split(command.replace("\\\n", " "), comments=True)
    for number, word in enumerate(words):
        if word in ("|", ">", ";", "&&", "||"):
            return words[:number]
    return words


def run(block: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return a console block with the output that its commands give now."""
    told, code = [], 0
    commands = sections(block)
    if not block.startswith("$ "):
        return block
    for number, (command, shown) in enumerate(commands):
        told.append(f"$ {command}")
        if command == "echo $?":
            told.append(str(code))
            continue
        asked = number + 1 < len(commands) and commands[number + 1][0] == "echo $?"
        if not command.startswith("envdoctor ") or not (any(shown) or asked):
            told += shown
            continue
        capsys.readouterr()
        code = main(words_of(command)[1:])
        printed = capsys.readouterr()
        assert code != 3, f"{command}: {printed.err}"  # a rule book under repair must not end up on a page
        told += (printed.out + printed.err).splitlines() if any(shown) else []
    return "\n".join(told) + "\n"


def without_counts(text: str) -> str:
    """Leave out how many rules were clear, unknown or skipped: a new rule must not make a page wrong."""
    told = re.sub(r";\s+\d+\s+rules?\s+clear(?:(,)\s+(\d+)\s+(ignored))?", r"; rules clear\1 \2 \3", text)
    told = re.sub(r"(; rules clear[\w, ]*?),\s+\d+\s+unknown(\s+\([^)]*\))?", r"\1", told)
    return re.sub(r"(; rules clear[\w, ]*?),\s+\d+\s+skipped", r"\1", told)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a copy of the examples, in a bare environment, before a terminal of 80 columns."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path / "examples")
    for name in list(os.environ):
        if name not in ("HOME", "PATH", "TMPDIR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "examples"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_examples_print_what_is_shown(page: Path, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = page.read_text("utf-8")

    def fresh(match: re.Match[str]) -> str:
        return match[0] if match[1] != "console" else f"```console\n{run(match[2], capsys)}```"

    wanted = BLOCK.sub(fresh, text)
    if without_counts(wanted) != without_counts(text) and ACCEPT:
        page.write_text(wanted, encoding="utf-8")
    assert without_counts(page.read_text("utf-8")) == without_counts(wanted), "ENVDOCTOR_ACCEPT=1 pytest tests/test_docs.py rewrites it"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_shown_is_one_that_envdoctor_takes(page: Path) -> None:
    for kind, block in BLOCK.findall(page.read_text("utf-8")):
        for command, _ in sections(block) if kind == "console" else ():
            words = words_of(command)
            if words[0] != "envdoctor" or words[1] in ("--help", "--version"):
                continue
            length = 2 if words[1] in completion.GROUPS else 1
            options, operand = COMMAND_WORDS[" ".join(words[1 : 1 + length])]
            assert "--help" in words or scan(words[1 + length :], options, operand) is not None, command


def test_the_cured_list_differs_from_the_sick_one_by_its_cure() -> None:
    sick, cured = (set((EXAMPLES / name).read_text("utf-8").splitlines()) for name in ("box.txt", "cured.txt"))
    assert {line.partition("==")[0] for line in sick ^ cured} == {"torch", "triton", "nvidia-cusparselt-cu12"}


# Generated parts


def option_table(options: tuple[Option, ...], operand: Operand | None) -> str:
    """Return the table of a subcommand's words, from the table that its parser is made of."""
    rows = ["| word | meaning |", "|---|---|"]
    if operand is not None:
        count = "" if operand.least else ", optional"
        name = (operand.metavar or operand.name.upper()).replace("|", "\\|")
        rows.append(f"| `{name}` | {operand.help}{count} |")
    for option in options:
        value = "" if option.kind == FLAG else " " + (option.metavar or "\\|".join(option.choices) or option.name.upper())
        short = f"`-{option.short}`, " if option.short else ""
        more = "; may be repeated, or split at commas" if option.kind == LIST else ""
        rows.append(f"| {short}`--{option.name}{value}` | {option.help}{more} |")
    rows.append("| `-h`, `--help` | show the help of the command |")
    return "\n".join(rows)


def sick_report() -> Report:
    return examine(Request(freeze="box.txt", target=Target(gpus=0, platform="linux-x86_64", python_version="3.11")), {})


def json_example() -> str:
    told = document(sick_report())
    finding = next(found for found in told["findings"] if found["rule"] == "torchao-uses-int1-dtypes-torch-lacks")
    kept = {
        name: finding[name] for name in ("rule", "severity", "impact", "confidence", "message", "uses", "packages", "because", "remedies")
    }
    short = {"schema": told["schema"], "verdict": told["verdict"], "purpose": told["purpose"], "findings": [kept]}
    return f"```json\n{json.dumps(short, indent=2)}\n```"


def json_keys() -> str:
    schema = json.loads((SOURCE / "report" / "report.schema.json").read_text("utf-8"))
    rows = ["| key | meaning |", "|---|---|"]
    for name, told in schema["properties"].items():
        rows.append(f"| `{name}` | {said(told, schema)} |")
    rows += ["", "A finding:", "", "| key | meaning |", "|---|---|"]
    rows += [f"| `{name}` | {said(told, schema)} |" for name, told in schema["$defs"]["finding"]["properties"].items()]
    return "\n".join(rows)


def said(told: dict[str, Any], schema: dict[str, Any]) -> str:
    inner = schema["$defs"][told["$ref"].rpartition("/")[2]] if "$ref" in told else {}
    choices = told.get("enum") or inner.get("enum") or ()
    words = told.get("description") or inner.get("description") or ("the number 1" if "const" in told else told.get("type", ""))
    return f"{words}{': ' if words and choices else ''}{', '.join(f'`{choice}`' for choice in choices)}".replace("|", "\\|")


def example_file(name: str) -> str:
    language = {".py": "python", ".toml": "toml", ".txt": "text"}[os.path.splitext(name)[1]]
    return f"```{language}\n{(EXAMPLES / name).read_text('utf-8')}```"


def generated(key: str) -> str:
    kind, _, name = key.partition(" ")
    if kind == "options":
        return option_table(*COMMAND_WORDS[name])
    if kind == "file":
        return example_file(name)
    if kind == "commands":
        return "\n".join(
            ["| command | what it does |", "|---|---|", *(f"| `envdoctor {name}` | {text} |" for name, text in COMMANDS.items())]
        )
    if kind == "formats":
        return ", ".join(f"`{name}`" for name in FORMATS)
    return {"json-keys": json_keys, "json-example": json_example}[kind]()


@pytest.mark.parametrize("page", [page for page in PAGES if PART.search(page.read_text("utf-8"))], ids=named)
def test_generated_parts_follow_the_code(page: Path, desk: Path) -> None:
    text = page.read_text("utf-8")
    wanted = PART.sub(lambda match: f"{match[1]}{generated(match[2])}\n{match[3]}", text)
    if wanted != text and ACCEPT:
        page.write_text(wanted, encoding="utf-8")
    assert page.read_text("utf-8") == wanted, "ENVDOCTOR_ACCEPT=1 pytest tests/test_docs.py rewrites it"


def test_every_command_has_its_table() -> None:
    text = (TOP / "docs" / "reference" / "commands.md").read_text("utf-8")
    assert {key.removeprefix("options ") for _, key, _ in PART.findall(text) if key.startswith("options ")} == set(COMMAND_WORDS)


# What is said in other languages


def test_python_examples_are_python() -> None:
    for page, block in blocks("python"):
        compile(block, named(page), "exec")


def test_toml_examples_are_toml() -> None:
    for page, block in blocks("toml"):
        parse_toml(block, named(page))


def test_yaml_examples_are_yaml() -> None:
    yaml = pytest.importorskip("yaml")
    for _, block in blocks("yaml"):
        assert isinstance(yaml.safe_load(block), dict)


def test_configuration_examples_are_accepted(tmp_path: Path) -> None:
    seen: set[str] = set()
    for page, block in blocks("toml"):
        if page.stem in ("configuration", "ignore-a-finding", "use-in-ci"):
            table = parse_toml(block, named(page))
            file = tmp_path / ("pyproject.toml" if "tool" in table else "envdoctor.toml")
            file.write_text(block, encoding="utf-8")
            read_config(str(file))
            seen |= set(table.get("tool", {}).get("envdoctor", table))
    assert seen == set(KEYS)


def test_the_example_rule_is_one_that_can_be_read() -> None:
    guide = TOP / "docs" / "how-to" / "add-a-rule.md"
    examples = [block for page, block in blocks("toml") if page == guide and block.startswith("id ")]
    assert [parse_rule(block, "torchao-uses-int1-dtypes-torch-lacks.toml", "torch").id for block in examples] == [
        "torchao-uses-int1-dtypes-torch-lacks"
    ]


def test_the_guide_to_rules_names_the_whole_vocabulary_and_no_more() -> None:
    text = (TOP / "docs" / "how-to" / "add-a-rule.md").read_text("utf-8")
    table = text.partition("## Conditions")[2].partition("\n## ")[0]
    keys = {word for span in re.findall(r"`([^`]+)`", table) for word in re.findall(r"[a-z_]+", span)}
    wanted = {*vocabulary.KINDS, *(key for row in vocabulary.KINDS.values() for key in row)}
    assert wanted <= keys
    for condition in re.findall(r"^\| `(\{.*?\})` \|", table, re.MULTILINE):
        if "…" not in condition:
            defects: list[tuple[str, ...]] = []
            source = parse_toml(f"x = {condition}", "")["x"]
            vocabulary.compile_condition(source, "match", lambda *told, into=defects: into.append(told))
            assert defects == [], condition


def test_the_guide_to_rules_tells_which_operators_a_type_takes() -> None:
    text = (TOP / "docs" / "how-to" / "add-a-rule.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \| (`.*)\|$", text.partition("| type of the fact |")[2].partition("\n\n")[0], re.MULTILINE)
    assert {kind: set(re.findall(r"`(\w+)`", words)) for kind, words in rows} == {
        kind: set(operators) for kind, operators in vocabulary._BY_TYPE.items()
    }


def example_module(guide: str) -> Any:
    """Return the module that a guide shows, as an object with its names."""
    page = TOP / "docs" / "how-to" / guide
    (source,) = [block for path, block in blocks("python") if path == page and block.startswith('"""')]
    names: dict[str, Any] = {}
    exec(compile(source, guide, "exec"), names)
    return type("Module", (), {name: staticmethod(value) if callable(value) else value for name, value in names.items() if name[0] != "_"})


def test_the_example_source_tells_what_it_says() -> None:
    source = example_module("add-a-fact-source.md")
    (fact,) = source.collect(RecordedHost({"/proc/meminfo": "MemTotal: 16384 kB\nSwapTotal: 2048 kB\n"}))
    assert (fact.path, fact.value, fact.origin) == ("memory.swap.total", 2048 << 10, "/proc/meminfo")
    assert [found.reason for host in (RecordedHost(), RecordedHost(platform="darwin")) for found in source.collect(host)] == [
        "failed",
        "not-applicable",
    ]


def test_the_example_report_format_tells_a_report(desk: Path) -> None:
    told = example_module("add-a-report-format.md").render(sick_report(), options=Options(quiet=True))
    assert [line.split("\t")[:2] for line in told.splitlines()] == [["severity", "rule"], ["error", "torchao-uses-int1-dtypes-torch-lacks"]]


def test_the_example_file_format_reads_a_list() -> None:
    reader = example_module("add-a-file-format.md")
    listing = reader.read("# toolbox 3\ntorch = 2.5.1\nwhat is this\n", "toolbox.txt", lambda path: "")
    assert [(found.name, found.specifier) for found in listing.requirements] == [("torch", "==2.5.1")]
    assert (listing.problems[0][:18], reader.recognises("toolbox.txt", ""), reader.recognises("x", "torch")) == (
        "toolbox.txt line 3",
        True,
        False,
    )


def test_a_recorded_machine_can_be_written_as_the_guide_shows(tmp_path: Path) -> None:
    guide = TOP / "docs" / "how-to" / "add-a-fact-source.md"
    for page, block in blocks("json"):
        if page == guide:
            (tmp_path / "host.json").write_text(block, encoding="utf-8")
            load(str(tmp_path))


# Names and links


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text("utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        place = target.relative_to(TOP).as_posix()
        if not target.exists() and place.startswith((*GENERATED, *ELSEWHERE)):
            continue  # written by a program, or once there is something to measure
        assert target.exists(), link
        if anchor:
            assert anchor in {slug(line.lstrip("# ")) for line in target.read_text("utf-8").splitlines() if line.startswith("#")}, link


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    pending = [TOP / "README.md", TOP / "CONTRIBUTING.md"]
    while pending:
        page = pending.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        links = re.findall(r"\]\(([^)#\s]+\.md)", page.read_text("utf-8"))
        pending += [(page.parent / link).resolve() for link in links if not link.startswith("https://")]
    assert [named(page) for page in PAGES if page not in reached] == []


def test_the_table_of_folders_is_the_one_that_is_enforced() -> None:
    rows = re.findall(
        r"^\| `src/envdoctor/(\w+)(?:\.py)?` \|[^|]*\| ([^|]*) \|$", (TOP / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == 19
    for part, words in rows:
        told = set() if words == "nothing of envdoctor" else set(words.split(", "))
        assert told == {
            name
            for name in MAY_IMPORT[part]
            if ((SOURCE / name).is_dir() and os.listdir(SOURCE / name)) or name in ("diagnosis", "environments", "foresight", "launch")
        }, part


TREES = ("src/", "tests/", "docs/", "rules/", "fixtures/", "benchmarks/", ".ci/")


@pytest.mark.parametrize("page", GUIDES, ids=named)
def test_paths_and_names_in_guides_are_there(page: Path) -> None:
    text = BLOCK.sub("", page.read_text("utf-8"))
    for span in re.findall(r"`([^`\n]+)`", text):
        for word in span.split():
            if word.startswith(TREES) and not re.search(r"[<>*…{]", word):
                assert (TOP / word.partition("::")[0]).exists(), word
        if re.fullmatch(r"envdoctor(\.\w+)+", span) and not span.endswith(".toml"):
            assert resolved(span), span
    for name, file in re.findall(r"`(\w+)(?:\([^`]*\))?` in `([\w./-]+\.py)`", text):
        assert re.search(rf"^\s*(?:def|class) {name}\b|^{name}\b.*=|^\s+def {name}\b", (TOP / file).read_text("utf-8"), re.MULTILINE), (
            name,
            file,
        )


def resolved(dotted: str) -> bool:
    """Tell whether a dotted name is a module, or something in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError as error:
            if error.name and not dotted.startswith(error.name):
                return True  # a module that needs a package which is not installed here, such as transformers
            continue
        for name in parts[length:]:
            found = getattr(found, name, None)
        return found is not None
    return False
