"""Reads what the atlas does not know from installed files, for `envdoctor check`: looks into the cache, mines the rest, keeps it."""

from __future__ import annotations

import os

from envdoctor.cli.terminal import Patience
from envdoctor.model.errors import ReleaseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from envdoctor.miner.installed import Installed
    from envdoctor.model.snapshot import Distribution
    from envdoctor.model.surface import Surface


class Deep:
    """A miner for `diagnosis.check`. `problems` holds a sentence for each distribution that could not be read.

    Nothing of the miner is loaded before something is to be read: most checks end without.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self.problems: list[str] = []

    def __call__(self, wanted: Sequence[Distribution]) -> list[Surface]:
        """Return the surfaces of these distributions, of those that can be read."""
        from envdoctor.miner.apart import mine_apart
        from envdoctor.miner.installed import Installed, mark_of
        from envdoctor.miner.kept import Kept
        from envdoctor.miner.packages import ordered
        from envdoctor.miner.store import cache_folder
        from envdoctor.report.plain import clean

        kept = Kept(os.path.join(cache_folder(), "deep"))
        found: list[Surface] = []
        marks: dict[Installed, str] = {}
        by_name = {one.name: one for one in wanted}
        for name in ordered(tuple(by_name)):  # the largest packages first, so that the others can be read beside them
            one = Installed(package=name, version=by_name[name].version or "", site_packages=os.path.dirname(by_name[name].location))
            try:
                mark = mark_of(one)
            except ReleaseError as error:
                self.problems.append(clean(str(error)))
                continue
            surface = kept.get(name, mark)
            if surface is None:
                marks[one] = mark
            else:
                found.append(surface)
        for one, told in mine_apart(list(marks), self._tell) if marks else ():
            if isinstance(told, ReleaseError):
                self.problems.append(clean(str(told)))
            else:
                kept.put(told, marks[one])
                found.append(told)
        return found

    def _tell(self, running: Sequence[Installed]) -> None:
        from envdoctor.report.missing import some
        from envdoctor.report.plain import clean

        names = [clean(f"{one.package} {one.version}") for one in running]
        self._patience.say(f"reading the files of {some(names, 2)}" if names else "examining")
