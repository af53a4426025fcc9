"""`envdoctor atlas update`: its options, and what it prints at the end. The miner is loaded when it runs, not for a look at the options."""

from __future__ import annotations

import os
import sys

from envdoctor.cli.options import FLAG, VALUE, Operand, Option
from envdoctor.cli.terminal import put
from envdoctor.model.errors import UsageError
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from envdoctor.cli.options import Values
    from envdoctor.miner.update import News, Outcome, Settings

SUMMARY = "Mine the releases that the atlas does not know yet"
OPTIONS = (
    Option(name="check", help="mine nothing; exit 1 when there is something new"),
    Option(name="jobs", short="j", help="releases mined at once (default: one a processor)", kind=VALUE, metavar="N", number=True),
    Option(
        name="index-url",
        help="package index (default: what uv's and pip's settings say)",
        kind=VALUE,
        metavar="URL",
    ),
    Option(name="since", help="first day that counts, as 2024-06-30 (default: by package, mostly 2023)", kind=VALUE, metavar="DAY"),
    Option(name="offline", help="read the store only, and ask no index"),
    Option(
        name="store",
        help="folder that keeps what was fetched (default: in your cache folder)",
        kind=VALUE,
        metavar="FOLDER",
    ),
    Option(name="no-store", help="keep nothing of what was fetched"),
    Option(name="atlas", help="folder of the atlas's texts (default: the checkout's, else yours)", kind=VALUE, metavar="FOLDER"),
    Option(name="again", help="mine known releases again"),
    Option(name="quiet", short="q", kind=FLAG, help="show no progress"),
    Option(name="format", help="output format (default: text)", kind=VALUE, choices=("text", "json"), default="text"),
)
OPERAND = Operand(name="packages", help="package of the atlas, or any other on the index (default: all of the atlas)", metavar="PACKAGE")


def run(values: Values) -> int:
    """Update the atlas. Returns 1 where `--check` finds something new, 3 where a release could not be mined, else 0."""
    from envdoctor.cli.atlas_progress import watch
    from envdoctor.miner.update import find_news, update

    settings = _settings(values)
    packages = [normalise(name) for name in values["packages"]] or _all(settings)
    with watch(values["quiet"]) as shown:
        found, unlisted = find_news(packages, settings, shown)
        if values["check"]:
            return _tell_news(found, unlisted, values["format"])
        try:
            outcomes = [*unlisted, *update(found, settings, shown)]
        except KeyboardInterrupt:
            sys.stderr.write("stopped; what was mined is kept, so run this again to go on from here\n")
            raise
    if any(outcome.path for outcome in outcomes):
        settings.texts.finish()
    return _tell(sorted(outcomes, key=lambda outcome: outcome.package), values["format"])


def _settings(values: Values) -> Settings:
    from envdoctor.miner.apart import default_jobs
    from envdoctor.miner.store import cache_folder, default_folder
    from envdoctor.miner.texts import Texts
    from envdoctor.miner.update import Settings

    if values["offline"] and (values["no_store"] or values["index_url"]):
        raise UsageError("atlas update: --offline reads the store only; leave out --no-store and --index-url")
    if values["no_store"] and values["store"]:
        raise UsageError("atlas update: --store and --no-store exclude each other; give one of them")
    since = values["since"] or ""
    if since and not _is_day(since):
        raise UsageError(f"atlas update: --since {since!r} is no day; write it as 2024-06-30")
    jobs = values["jobs"]
    if jobs is not None and not 1 <= jobs <= 256:
        raise UsageError("atlas update: --jobs takes 1 to 256")
    index = ""
    if not values["offline"]:
        from envdoctor.miner.index import index_url

        index = index_url(values["index_url"])
    return Settings(
        index=index,
        store="" if values["no_store"] else os.path.abspath(values["store"] or default_folder()),
        journal=os.path.join(cache_folder(), "journal"),
        texts=Texts(os.path.abspath(values["atlas"]) if values["atlas"] else ""),
        jobs=jobs or default_jobs(),
        since=since,
        again=values["again"],
    )


def _is_day(text: str) -> bool:
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _all(settings: Settings) -> list[str]:
    from envdoctor.miner.packages import PACKAGES
    from envdoctor.miner.store import Store

    names = [*PACKAGES, *(name for name in settings.texts.packages() if name not in PACKAGES)]
    if settings.index:
        return names
    kept = Store(settings.store).packages()
    return [name for name in names if name in kept]


def _tell_news(found: Sequence[News], unlisted: Sequence[Outcome], form: str) -> int:
    from envdoctor.cli.atlas_progress import counted

    new = [news for news in found if news.versions or news.turned]
    if form == "json":
        rows = [{"package": news.package, "new": list(news.versions), "yanked_or_restored": list(news.turned)} for news in new]
        _put_json({"packages": rows, "failures": [text for outcome in unlisted for text in outcome.failures]})
    else:
        lines = [f"{news.package}: {counted(news.versions)}" for news in new if news.versions]
        lines += [f"{news.package}: yanked or restored: {', '.join(news.turned)}" for news in new if news.turned]
        put("\n".join(lines or ["nothing new"]) + "\n")
        _tell_failures(unlisted)
    return 1 if new else 3 if unlisted else 0


def _tell(outcomes: Sequence[Outcome], form: str) -> int:
    from envdoctor.cli.atlas_progress import counted

    written = [outcome for outcome in outcomes if outcome.path]
    failed = [outcome for outcome in outcomes if outcome.failures]
    if form == "json":
        rows = [{"package": o.package, "new": list(o.written), "path": o.path, "failures": list(o.failures)} for o in outcomes]
        _put_json({"packages": rows})
    else:
        lines = [f"{outcome.package}: {counted(outcome.written)}" for outcome in written if outcome.written]
        lines += [f"{outcome.package}: yanked or restored releases" for outcome in written if not outcome.written]
        put("\n".join(lines or ["nothing new"]) + "\n")
        _tell_failures(failed)
    return 3 if failed else 0


def _tell_failures(outcomes: Sequence[Outcome]) -> None:
    from envdoctor.report.plain import clean

    lines = [clean(text) for outcome in outcomes for text in outcome.failures]
    if lines:
        sys.stderr.write("not mined:\n" + "".join(f"  {line}\n" for line in lines))


def _put_json(told: dict[str, Any]) -> None:
    import json

    put(json.dumps(told, indent=2) + "\n")
