"""What `envdoctor atlas update` shows while it works, on stderr: a bar on a terminal, calm lines in a log, or nothing."""

from __future__ import annotations

import os
import sys

from envdoctor.miner.update import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.miner.update import News, Outcome


def counted(versions: Sequence[str]) -> str:
    """Return how many releases these are, and which."""
    shown = ", ".join(versions) if len(versions) <= 6 else f"{versions[0]} to {versions[-1]}"
    return f"{len(versions)} release{'s' if len(versions) != 1 else ''} ({shown})"


class Silent(Watch):
    """Shows nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Lines(Silent):
    """A line on stderr for each package that is written, for logs."""

    def __init__(self) -> None:
        self._done: dict[str, int] = {}
        self._wanted: dict[str, int] = {}

    def listed(self, news: News) -> None:
        """Remember how many releases a package is about to have mined."""
        self._wanted[news.package] = len(news.versions) - len(news.mined)
        if self._wanted[news.package]:
            self._say(f"{news.package}: {counted(news.versions)} to mine")

    def mined(self, package: str, version: str, seconds: float) -> None:
        """Say every 25th release."""
        self._done[package] = self._done.get(package, 0) + 1
        if self._done[package] % 25 == 0:
            self._say(f"{package}: {self._done[package]} of {self._wanted.get(package, 0)} mined")

    def failed(self, package: str, version: str, reason: str) -> None:
        """Say what failed at once."""
        self._say(reason)

    def written(self, outcome: Outcome) -> None:
        """Say which text is written."""
        if outcome.path:
            self._say(f"{outcome.package}: written")

    @staticmethod
    def _say(text: str) -> None:
        from envdoctor.report.plain import clean

        sys.stderr.write(clean(text) + "\n")
        sys.stderr.flush()


class Bars(Silent):
    """A bar for all releases and a line for what is being mined, on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._listing = self._bars.add_task("listing", total=None)
        self._mining = self._bars.add_task("mining", total=0, visible=False)

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def listed(self, news: News) -> None:
        """Count the releases of a package in."""
        self._bars.update(self._listing, description=f"listing {news.package}")
        more = len(news.versions) - len(news.mined)
        self._bars.update(self._mining, total=(self._bars.tasks[1].total or 0) + more)

    def begun(self, package: str, version: str) -> None:
        """Name the release that is being mined."""
        self._bars.update(self._listing, visible=False)
        self._bars.update(self._mining, visible=True, description=f"{package} {version}")

    def mined(self, package: str, version: str, seconds: float) -> None:
        """Move the bar."""
        self._bars.advance(self._mining)

    def failed(self, package: str, version: str, reason: str) -> None:
        """Say what failed above the bar, and move it."""
        from rich.text import Text

        self._bars.console.print(Text(reason, style="yellow"))
        if version:
            self._bars.advance(self._mining)


def watch(quiet: bool) -> Silent:
    """Return what fits where stderr leads."""
    if quiet:
        return Silent()
    return Bars() if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else Lines()
