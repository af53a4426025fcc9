"""`envdoctor fit`: what a run will need on a card, before it is started."""

from __future__ import annotations

import os
import sys

from envdoctor.cli.options import FLAG, LIST, VALUE, Operand, Option, explain, scan
from envdoctor.memory.arguments import ATTENTIONS, DTYPES, LOSSES, METHODS, SAVED, TRAINERS
from envdoctor.memory.sharing import OFFLOADING, SHARINGS
from envdoctor.model.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from envdoctor.cli.fit_trace import Trace
    from envdoctor.cli.options import Values
    from envdoctor.facts.cards import Card
    from envdoctor.memory.arguments import Wishes
    from envdoctor.memory.forecast import Forecast
    from envdoctor.memory.run import Run
    from envdoctor.memory.shape import Shape

SUMMARY = "Say what a fine-tuning run will need on a card before it is started, byte by byte, and what would make it fit."
_PACKAGES = ("torch", "transformers", "trl", "peft")
_SOLD = 1024 * 0.935
"""MiB that tools report for each gigabyte a card is sold with, at the least: 24-GB cards report 22.4 to 24.0 GiB."""
_LARGEST = 1 << 22  # bytes of a configuration


def _number(name: str, metavar: str, default: int | None, says: str) -> Option:
    return Option(name=name, kind=VALUE, metavar=metavar, number=True, default=default, help=says)


OPTIONS: tuple[Option, ...] = (
    Option(name="model", kind=VALUE, metavar="NAME", help="a model on the hub, a folder with its config.json, or that file"),
    Option(name="revision", kind=VALUE, metavar="NAME", help="branch, tag or commit of the model on the hub (default: main)"),
    Option(name="offline", kind=FLAG, help="ask no hub for a model that is neither on this machine nor well known"),
    Option(name="method", kind=VALUE, choices=METHODS, help="how it is trained (default: lora)"),
    _number("rank", "R", None, "rank of the adapters (default: 8)"),
    Option(
        name="targets",
        kind=LIST,
        metavar="WHICH",
        help="what adapters wrap: all-linear (default), attention, mlp, or names (q_proj, lm_head)",
    ),
    Option(name="modules-to-save", kind=LIST, metavar="NAME", help="what is trained whole beside adapters: lm_head, embed_tokens"),
    _number("batch", "N", None, "samples of one step on one card (default: 1)"),
    _number("eval-batch", "N", None, "samples of one step of an evaluation between training steps (default: none)"),
    _number("seq", "TOKENS", None, "length of every sample (default: 1024)"),
    Option(name="dtype", kind=VALUE, choices=tuple(DTYPES), help="type that weights are loaded in (default: as the versions do)"),
    Option(name="optimizer", kind=VALUE, metavar="NAME", help="the Trainer's `optim` (default: as the versions do)"),
    Option(name="attention", kind=VALUE, choices=ATTENTIONS, help="attn_implementation (default: as the model does)"),
    Option(name="gradient-checkpointing", kind=FLAG, help="checkpoint every layer"),
    Option(name="no-gradient-checkpointing", kind=FLAG, help="keep everything for the way back"),
    Option(name="trainer", kind=VALUE, choices=TRAINERS, help="who trains (default: transformers)"),
    Option(name="loss", kind=VALUE, choices=LOSSES, help="how the loss is computed (default: as the trainer's version does)"),
    Option(name="with", kind=LIST, metavar="PKG==V", help="a version in use (default: the environment's, else the newest measured)"),
    Option(name="gpu", kind=VALUE, metavar="CARD", help='the card, such as "H100-80GB", T4 or 24GB'),
    _number("gpus", "N", 1, "cards that share the model (default: 1)"),
    Option(name="sharing", kind=VALUE, choices=SHARINGS, help="how cards share: layers (device_map, default), ddp, zero1, ... or fsdp"),
    Option(name="deepspeed", kind=VALUE, metavar="FILE", help="a DeepSpeed configuration, which says the stage, its sizes and offloading"),
    Option(name="max-memory", kind=VALUE, metavar="SIZE", help='what device_map="auto" may fill of each card, such as 20GiB'),
    Option(name="offload", kind=FLAG, help="the optimizer's states lie in the computer's own memory"),
    Option(name="trace", kind=FLAG, help="follow a step of the installed libraries instead of computing it (needs them, and no GPU)"),
    Option(name="python", kind=VALUE, metavar="PATH", help="versions of, and --trace in, the environment of this interpreter or folder"),
    Option(name="plot", kind=VALUE, metavar="FILE", help="draw the peak by batch and length: FILE.svg, .html or .png"),
    Option(name="format", kind=VALUE, choices=("text", "json"), default="text", help="output format (default: text)"),
)


OPERAND = Operand(name="script", metavar="SCRIPT", help="a training script or notebook that says what is not said here", most=1)


def run(words: Sequence[str]) -> int:
    """Run `envdoctor fit ...`: 0 when it fits or no card is named, 1 when it is tight or does not fit."""
    import gc

    values = scan(words, OPTIONS, OPERAND) or explain(words, "envdoctor fit", SUMMARY, OPTIONS, OPERAND)
    collecting = gc.isenabled()
    gc.disable()  # the tape frees by reference counts alone, and looking for circles takes a tenth of the time
    try:
        _only_once(words, "--gpu", "cards of one kind are counted by --gpus N; for cards that differ, ask for each")
        _only_once(words, "--model", "ask for each")
        return _answer(values)
    finally:
        if collecting:
            gc.enable()


def _only_once(words: Sequence[str], name: str, hint: str) -> None:
    if sum(word == name or word.startswith(name + "=") for word in words) > 1:
        raise UsageError(f"{name}: given more than once; {hint}")


def _answer(values: Values) -> int:
    from envdoctor.cli.terminal import put, width
    from envdoctor.memory.arguments import Wishes, resolve
    from envdoctor.memory.changes import largest, room_of
    from envdoctor.memory.shape import shape_of
    from envdoctor.memory.sharing import shared
    from envdoctor.memory.tell import Answer, lines, mapping
    from envdoctor.memory.verdict import FITS, context_of, judge, workspace_of

    said, silent = _said(values)
    divided = said.pop("divided", {})
    name = said.pop("model", "")
    if not name:
        where = f"{values['script'][0]} does not say it plainly; " if values["script"] else ""
        raise UsageError(f"fit: which model? {where}--model NAME, such as Qwen/Qwen2.5-7B-Instruct, or a folder with its config.json")
    configuration, source = _configuration(name, values["revision"] or "", offline=values["offline"])
    shape = shape_of(configuration, source if os.path.isfile(source) else name)
    versions = _versions(values["with"], values["python"] or "")
    wishes = Wishes(**said)
    asked, assumed = resolve(wishes, shape, versions)
    assumed[:0] = silent
    capacity, card = _capacity(values["gpu"]) if values["gpu"] else (0, None)
    asked = _cards(shape, asked, values, divided, assumed)
    if asked.sharing == "layers" and capacity and not asked.limits:
        asked = asked.replace(limits=(capacity - context_of(card.capability if card else None),) * asked.cards)
    asked = asked.replace(workspace=workspace_of(card.capability if card else None))
    traced = _traced(values, configuration, shape, asked, wishes)
    found = (traced and traced.found) or shared(shape, asked)
    told_shape, told_run = (traced.shape, traced.run) if traced else (shape, asked)
    evaluated, hardest = _evaluated(shape, asked, found, wishes.eval_batch)
    judged = judge(told_shape, told_run, hardest, capacity, card.capability if card else None) if capacity else None
    grown, changes = None, []
    if judged is not None:
        room = room_of(found, capacity, card.capability if card else None)
        if asked.cards == 1:
            grown = largest(shape, asked, found, room)
        if judged.verdict != FITS:
            from envdoctor.memory.moments import remedies

            changes = remedies(shape, asked, found, evaluated[0] if evaluated else 0, room)
    if values["plot"] and asked.cards > 1:
        raise UsageError(f"--plot {values['plot']}: draws runs on one card; leave --gpus out")
    if values["plot"]:
        _draw(values["plot"], name, shape, asked, found, judged, card.capability if card else None)
    answer = Answer(
        name=name,
        source=source,
        shape=told_shape,
        run=told_run,
        assumed=tuple(assumed),
        found=found,
        judged=judged,
        largest=grown,
        changes=tuple(changes),
        card=values["gpu"] or "",
        versions=(traced and traced.versions) or versions,
        evaluation=evaluated,
        tier="B" if traced and traced.found else "A",
        traced=traced.says if traced else "",
    )
    if values["format"] == "json":
        import json

        put(json.dumps(mapping(answer), indent=1) + "\n")
    else:
        put("\n".join(lines(answer, width(sys.stdout))) + "\n")
    return 0 if judged is None or judged.verdict == FITS else 1


def _traced(values: Values, configuration: Mapping[str, Any], shape: Shape, asked: Run, wishes: Wishes) -> Trace | None:
    if not values["trace"]:
        return None
    from envdoctor.cli.fit_trace import traced_of

    return traced_of(values, configuration, shape, asked, wishes)


def _evaluated(shape: Shape, asked: Run, whole: Forecast, batch: int | None) -> tuple[tuple[int, int] | None, Forecast]:
    """Return the batch of an evaluation with the bytes at its peak, and what the run takes with it."""
    if batch is None or asked.method == "inference" or asked.cards > 1:
        return None, whole
    from envdoctor.memory.moments import evaluating

    most, hardest = evaluating(shape, asked, whole, batch)
    return (batch, most), hardest


def _draw(path: str, name: str, *drawn: Any) -> None:
    """Write the drawing of a run. Raises UsageError where the file is of another kind, or cannot be written."""
    from envdoctor.cli.check import write_whole
    from envdoctor.memory.plot import chart, page, svg
    from envdoctor.memory.tell import title
    from envdoctor.memory.verdict import context_of

    kind = os.path.splitext(path)[1].lower()
    if kind not in (".svg", ".html", ".png"):
        raise UsageError(f"--plot {path}: must end in .svg, .html or .png")
    shape, asked, found, judged, capability = drawn
    told = title(name, asked)
    picture = chart(told, shape, asked, found, capacity=judged.capacity if judged else 0, context=context_of(capability))
    if kind != ".png":
        write_whole(path, svg(picture) if kind == ".svg" else page(told, svg(picture)), option="--plot")
        return
    try:
        from envdoctor.memory.raster import png

        write_whole(path, png(picture), option="--plot")
    except (ImportError, TypeError):  # no Pillow, or one before 10.1, whose own font has one size
        raise UsageError(
            f"--plot {path}: pictures in pixels need Pillow 10.1 or newer: pip install 'envdoctor[plot]'; or name a file that ends in .svg"
        ) from None


def _said(values: Values) -> tuple[dict[str, Any], list[str]]:
    """Return what the command line says, and the script where that is silent; and what follows from the script's silence."""
    if values["gradient_checkpointing"] and values["no_gradient_checkpointing"]:
        raise UsageError("fit: --gradient-checkpointing and --no-gradient-checkpointing exclude each other")
    said: dict[str, Any] = {}
    silent: list[str] = []
    if values["script"]:
        from envdoctor.facts.scripts import read_scripts
        from envdoctor.memory.stated import divided, stated

        script = read_scripts(values["script"])[0]
        said, silent = stated(script)
        said["divided"] = divided(script)
    for name in ("model", "method", "rank", "batch", "seq", "dtype", "optimizer", "attention", "trainer", "loss", "eval_batch"):
        if values[name] is not None:
            said[name] = values[name]
    if values["targets"]:
        said["targets"] = ",".join(values["targets"])
    if values["modules_to_save"]:
        said["saved"] = values["modules_to_save"]
    if values["gradient_checkpointing"] or values["no_gradient_checkpointing"]:
        said["checkpointing"] = values["gradient_checkpointing"]
    return said, silent


def _cards(shape: Shape, asked: Run, values: Values, divided: dict[str, Any], assumed: list[str]) -> Run:
    """Say how several cards share the work: as the command line says, else the script. Raises UsageError."""
    from envdoctor.memory.division import of_deepspeed, size_of
    from envdoctor.memory.sharing import unplaced

    cards, sharing, path = values["gpus"], values["sharing"], values["deepspeed"]
    if cards < 1:
        raise UsageError(f"--gpus {cards}: must be 1 or more")
    if sharing and path:
        raise UsageError("fit: --sharing and --deepspeed say the same in two ways; leave one out")
    if cards > 1 and asked.saved_modules:
        raise UsageError(f"--modules-to-save {asked.saved_modules[0]}: is followed on one card only; leave --gpus out")
    ends = [name for name in asked.targets if name in SAVED]
    if cards > 1 and ends:
        raise UsageError(f"--targets {ends[0]}: is followed on one card only; leave --gpus out")
    if cards == 1:
        if sharing or path:
            raise UsageError(f"--{'sharing' if sharing else 'deepspeed'} {sharing or path}: wants --gpus 2 or more")
        if divided:
            assumed.append("one card is meant, so what the script says of several is left out; see --gpus")
        return asked.replace(offload=values["offload"])
    if asked.method == "inference" and (path or sharing not in (None, "layers")):
        told = f"--deepspeed {path}" if path else f"--sharing {sharing}"
        raise UsageError(f"{told}: shares out training; inference goes with --sharing layers")
    asked = asked.replace(cards=cards)
    stated = None if sharing or asked.method == "inference" else path or divided.get("deepspeed")
    if stated is not None:
        configuration, where = (stated, "the script's deepspeed") if isinstance(stated, dict) else (_read(stated, values["script"]), stated)
        asked = of_deepspeed(asked, configuration, shape.hidden, where)
    else:
        if not sharing:
            sharing = "fsdp" if divided.get("fsdp") and asked.method != "inference" else "layers"
            if not divided:
                assumed.append('the layers are put on the cards in turn, as device_map="auto" does; see --sharing')
        if sharing == "fsdp":
            assumed += divided.get("otherwise", [])
        asked = asked.replace(sharing=sharing)
    if values["offload"]:
        if asked.sharing not in OFFLOADING:
            raise UsageError(f"--offload: goes with {', '.join(OFFLOADING)}, not with --sharing {asked.sharing}")
        asked = asked.replace(offload=True)
    if values["max_memory"] and asked.sharing != "layers":
        raise UsageError(f"--max-memory {values['max_memory']}: goes with --sharing layers")
    limits = [values["max_memory"]] * cards if values["max_memory"] else divided.get("limits", [])
    if limits and asked.sharing == "layers":
        asked = asked.replace(limits=tuple(size_of(each, "--max-memory") for each in limits[:cards]))
        left = unplaced(shape, asked)
        if left and asked.method != "inference":
            raise UsageError(
                f"--max-memory {limits[0]}: {left} modules find no place on the cards, and what lies elsewhere cannot be trained"
            )
    return asked


def _read(path: str, scripts: Sequence[str]) -> dict[str, Any]:
    """Read a DeepSpeed configuration; a script names it from where it is started, mostly its own folder. Raises UsageError."""
    import json

    places = [path, *(os.path.join(os.path.dirname(script), path) for script in scripts)]
    found = next((place for place in places if os.path.isfile(place)), "")
    if not found:
        raise UsageError(f"--deepspeed {path}: there is no such file; name the DeepSpeed configuration, or say --sharing")
    try:
        with open(found, encoding="utf-8-sig") as file:
            configuration = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{found}: is no DeepSpeed configuration ({str(error)[:120]})") from None
    if not isinstance(configuration, dict):
        raise UsageError(f"{found}: holds no JSON object; a DeepSpeed configuration is one")
    return configuration


def _capacity(name: str) -> tuple[int, Card | None]:
    """Return the bytes of a card, and the card where it is known. Raises UsageError."""
    from envdoctor.facts.cards import identify, memory_of, near

    card, gigabytes = identify(name)
    if card is not None:
        return memory_of(card, gigabytes), card
    if gigabytes and not name.lower().replace(" ", "").replace("gib", "").replace("gb", "").strip("0123456789"):
        return int(gigabytes * _SOLD) << 20, None
    if "," in name:
        raise UsageError(
            f"--gpu {name}: one card at a time; cards of one kind are counted by --gpus N; for cards that differ, ask for each"
        )
    close = [f"{name.strip()}GB"] if name.strip().isdecimal() else near(name)
    hint = f"; did you mean {', '.join(close)}?" if close else '; name a card such as "H100-80GB" or T4, or a size such as 24GB'
    raise UsageError(f"--gpu {name}: not a card envdoctor knows{hint}")


def _versions(given: Sequence[str], python: str) -> dict[str, str]:
    """Return the versions that count: as given, else of the environment named, else of the one that envdoctor runs in.

    Raises InputError and UsageError.
    """
    found: dict[str, str] = {}
    folders: Sequence[str] = sys.path
    if python:
        from envdoctor.facts.locate import place_of

        folders = place_of(python, os.environ).site_packages
    for folder in folders:
        if not folder.endswith(("site-packages", "dist-packages")):
            continue
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for entry in names:
            package, dash, rest = entry.partition("-")
            if dash and package in _PACKAGES and rest.endswith(".dist-info"):
                found.setdefault(package, rest[: -len(".dist-info")])
    for word in given:
        package, equals, version = word.partition("==")
        if not equals or not version[:1].isdecimal():
            raise UsageError(f"--with {word}: must be a package and its version, such as trl==1.16.0")
        if package not in _PACKAGES:
            raise UsageError(f"--with {word}: the versions that count are those of {', '.join(_PACKAGES)}")
        found[package] = version
    return found


def _configuration(name: str, revision: str, *, offline: bool) -> tuple[Mapping[str, Any], str]:
    """Find a model's configuration, and say where: a file, a folder, the Hugging Face cache, the shipped table, the hub.

    Raises InputError and UsageError.
    """
    from envdoctor.facts.host import LocalHost
    from envdoctor.facts.model_configuration import local_configuration
    from envdoctor.memory.catalogue import configuration, near

    host = LocalHost()
    local = local_configuration(name, host, revision)
    if local is not None:
        return local
    known = configuration(name) if not revision else None
    if known is not None:
        return known, "the shipped table"
    from envdoctor.facts.hub import hub_configuration, is_repository, needed, switched_off

    close = near(name)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    if not is_repository(name):
        raise UsageError(f"--model {name}: there is no such folder or file, and no repository can be called so.{hint}")
    off = "--offline" if offline else switched_off(host)
    if off:
        raise UsageError(
            f"--model {name}: neither a folder, nor in the Hugging Face cache, nor in the shipped table, and the hub is not asked "
            f"({off}).{hint} {needed(name)}"
        )
    try:
        return hub_configuration(name, host, revision)
    except UsageError as error:
        raise UsageError(f"{error}.{hint}" if hint else str(error)) from None
