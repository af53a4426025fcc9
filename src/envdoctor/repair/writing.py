"""From a set of versions to the fewest changes in the user's file with which its installer chooses a set without faults.

The file is resolved again with each proposal, as pip or uv would do it and without anything that was learnt: what is written must do on
its own. Versions that the user pinned are pinned anew; what the user left open gets a bound, not a pin.
"""

from __future__ import annotations

from typing import NamedTuple

from envdoctor.model.errors import RepairError
from envdoctor.model.plan import Change
from envdoctor.model.versions import key
from envdoctor.repair.lessons import Lessons, allows, plain, series
from envdoctor.repair.patient import SEEDS, exact
from envdoctor.repair.question import Conflict, Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from envdoctor.model.finding import Finding
    from envdoctor.model.listing import Requirement
    from envdoctor.repair.cost import Ledger
    from envdoctor.repair.patient import Ill
    from envdoctor.repair.question import Resolver
    from envdoctor.repair.search import Found

    Judge = Callable[[Mapping[str, str]], tuple[Finding, ...]]

_ROUNDS = 12
_ANY_PIP = "26.0"


class Trial(NamedTuple):
    """Who resolves a file, and who judges what comes out."""

    resolver: Resolver
    judge: Judge


class Writing:
    """One set for one file. `specifiers` are the new ones, by name; a name that the file does not hold gets a line of its own."""

    def __init__(self, ill: Ill, found: Found, ledger: Ledger, lessons: Lessons, trial: Trial) -> None:
        self._ill, self._found, self._lessons, self._ledger = ill, found, lessons, ledger
        self._resolver, self._judge = trial
        self.specifiers: dict[str, str] = {}
        self._answers: dict[tuple[tuple[str, str], ...], Mapping[str, str] | Conflict] = {}

    def changes(self) -> tuple[Change, ...]:
        """Return what is to change in the file. Raises RepairError where no change of it leads to the set."""
        ill, versions = self._ill, self._found.versions
        for name, lines in ill.lines.items():
            version = versions.get(name)
            told = ",".join(line.specifier for line in lines if line.specifier)
            if version is not None and not allows(told, version):
                self.specifiers[name] = f"=={version}" if exact(told) else self._wider(told, version)
        if ill.settled:
            self.specifiers.update({name: version and f"=={version}" for name, version in versions.items() if self._is_new(name)})
        else:
            self._anchor()
            self._narrow()
            self._thin()
            self._seed()
        return tuple(self._changes())

    def _is_new(self, name: str) -> bool:
        return name not in self._ill.lines and name not in self._ledger.now and name not in SEEDS

    def _anchor(self) -> None:
        """Bound what was chosen because it was trained with, so that an installer takes its series."""
        for name, version in self._found.anchors.items():
            later = [one for one in self._ledger.releases.get(name, ()) if series(one) > series(version)]
            told = self.specifiers.get(name, self._told(name))
            if later and not exact(told):
                clauses = [clause.strip() for clause in told.split(",") if clause.strip() and allows(clause, version)]
                self.specifiers[name] = ",".join([*(one for one in clauses if not one.startswith("<")), f"<{later[0]}"])

    def _narrow(self) -> None:
        """Add bounds until the file alone leads to a set without faults."""
        versions = self._found.versions
        for _ in range(_ROUNDS):
            chosen = self._chosen()
            if isinstance(chosen, Conflict):
                wrong = [name for name in chosen.names if name in versions and self.specifiers.get(name) != f"=={versions[name]}"]
                if not wrong:
                    raise RepairError(f"the planned set cannot be written into the file: {chosen.text}")
                for name in wrong:
                    self.specifiers[name] = f"=={versions[name]}"
                continue
            faults = self._judge(chosen)
            if not faults:
                return
            about = {name for fault in faults for name in fault.packages}
            apart = [name for name in sorted(about) if name in versions and plain(chosen.get(name, "")) != plain(versions[name])]
            if not apart:
                apart = [name for name in sorted(versions) if name in self._ledger.releases and chosen.get(name) != versions[name]]
            if not apart:
                raise RepairError("the planned set cannot be written into the file: " + "; ".join(fault.message for fault in faults))
            for name in apart:
                self.specifiers[name] = self._bounded(name, chosen.get(name))

    def _seed(self) -> None:
        """Ask for setuptools where the set needs it: some environments are made with it, others are not, and nobody declares it."""
        chosen = self._chosen()
        if isinstance(chosen, Conflict) or any(name in chosen for name in SEEDS[1:]):
            return
        bare = {**chosen, SEEDS[0]: _ANY_PIP}  # pip alone: what is made without setuptools
        if any("setuptools" in fault.packages for fault in self._judge(bare)):
            self.specifiers["setuptools"] = ""

    def _thin(self) -> None:
        """Take away what turns out not to be needed, lines that the file did not have first."""
        if len(self.specifiers) < 2:
            return
        for name in sorted(self.specifiers, key=lambda name: (name in self._ill.lines, name)):
            if name in self._found.anchors:
                continue
            if name in self._ill.lines and not allows(self._told(name), self._found.versions[name]):
                continue
            kept = self.specifiers.pop(name)
            chosen = self._chosen()
            if isinstance(chosen, Conflict) or self._judge(chosen):
                self.specifiers[name] = kept

    def _chosen(self) -> Mapping[str, str] | Conflict:
        """Return what the file with the changes so far leads to; asked once for the same changes."""
        mark = tuple(sorted(self.specifiers.items()))
        if mark not in self._answers:
            self._answers[mark] = self._resolved()
        return self._answers[mark]

    def _resolved(self) -> Mapping[str, str] | Conflict:
        ill = self._ill
        prefer = self._ledger.now if ill.locked else {}
        wishes = list(ill.wishes)
        known = {wish.name for wish in wishes}
        more = [(name, specifier) for name, specifier in self.specifiers.items() if name not in known]
        limits = [(name, specifier) for name, specifier in ill.limits if name not in self.specifiers]
        from envdoctor.repair.question import Wish

        wishes += [Wish(name=name, specifier=specifier) for name, specifier in more]
        question = Question(wishes=tuple(wishes), limits=tuple(limits), specifiers=self.specifiers, prefer=prefer)
        answer = self._resolver.solve(question)
        return answer if isinstance(answer, Conflict) else answer.versions

    def _told(self, name: str) -> str:
        return ",".join(line.specifier for line in self._ill.lines.get(name, ()) if line.specifier)

    def _wider(self, told: str, version: str) -> str:
        """Return a range without the clauses that keep a version out, and with what keeps it in."""
        clauses = [clause.strip() for clause in told.split(",") if clause.strip()]
        fit = [clause for clause in dict.fromkeys(clauses) if allows(clause, version)]
        above = any(not allows(clause, version) and clause.startswith(("<", "~=", "==")) for clause in clauses)
        floors = [clause for clause in fit if clause.startswith(">")]
        return ",".join([f">={version}", *(clause for clause in fit if clause not in floors)] if above else [*fit, f"<={version}"])

    def _bounded(self, name: str, chosen: str | None) -> str:
        """Return the specifier that keeps the installer from what it chose."""
        version = self._found.versions[name]
        before = self.specifiers.get(name, self._told(name))
        if chosen is None and name not in self.specifiers:
            return ""  # that it comes at all may be enough
        pinned = exact(before)
        if pinned or chosen is None:
            return f"=={version}"
        clauses = [clause.strip() for clause in before.split(",") if clause.strip() and allows(clause, version)]
        if key(chosen) > key(version):
            clauses = [clause for clause in clauses if not clause.startswith("<")]
            return ",".join([*clauses, self._ceiling(name, version)])
        clauses = [clause for clause in clauses if not clause.startswith(">")]
        return ",".join([f">={version}", *clauses])

    def _ceiling(self, name: str, version: str) -> str:
        """Return the bound below the first release that would break the set."""
        versions = self._found.versions
        for one in self._ledger.releases.get(name, ()):
            if key(one) > key(version):
                supposed = {**versions, name: one}
                if any(name in (lesson.package, lesson.partner) for lesson in self._lessons.broken(supposed)):
                    return f"<{one}"
        return f"<={version}"

    def _changes(self) -> Iterable[Change]:
        ill = self._ill
        hashed = any(line.hashes for lines in ill.lines.values() for line in lines)
        pins = {name: exact(specifier) for name, specifier in self.specifiers.items() if exact(specifier)}
        hashes: Mapping[str, tuple[str, ...]] = {}
        if hashed and pins:
            from envdoctor.repair.uv import Uv

            if not isinstance(self._resolver, Uv):
                raise RepairError(
                    "the file holds hashes, and without a package index they cannot be made again; run with an index in reach"
                )
            hashes = self._resolver.hashes(pins)
        for name, specifier in sorted(self.specifiers.items()):
            lines = ill.lines.get(name, ())
            if not lines:
                yield Change(name=name, specifier=specifier, hashes=hashes.get(name, ()))
            for line in self._to_change(lines, specifier):
                yield Change(
                    name=name, requirement=line, specifier=specifier, hashes=hashes.get(name, ()) if line.hashes else ()
                )  # fmt: skip

    def _to_change(self, lines: tuple[Requirement, ...], specifier: str) -> list[Requirement]:
        """Choose the lines of a name that a new specifier belongs into: those that keep the version out, else the first that installs."""
        version = self._found.versions[lines[0].name] if lines else ""
        out = [line for line in lines if not allows(line.specifier, version)]
        return out or [next((line for line in lines if not line.constraint), lines[0])] if lines else []
