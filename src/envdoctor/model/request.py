"""What somebody asks the doctor: which patient, on which machine, for what, and what to leave out."""

from __future__ import annotations

from envdoctor.model.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Ignore(Record):
    """One finding that somebody decided to live with. `expires` is an ISO date, or "" for never."""

    rule: str
    reason: str
    subject: str = ""
    expires: str = ""
    where: str = ""


class Config(Record):
    """What a project's configuration file says; unset fields are None or empty."""

    path: str = ""
    purpose: str | None = None
    fail_on: str | None = None
    strict: bool | None = None
    select: tuple[str, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    deep: bool | None = None


class Target(Record):
    """A machine that is described instead of present; None means not described."""

    gpu: str | None = None
    gpus: int | None = None
    driver: str | None = None
    platform: str | None = None
    python_version: str | None = None

    @property
    def described(self) -> bool:
        """Tell whether anything of the machine is described."""
        return any(value is not None for value in (self.gpu, self.gpus, self.driver, self.platform, self.python_version))


class Request(Record):
    """A whole question. `paths` may name one environment or saved snapshot, listings, and training scripts.

    `given` are facts that the caller states outright (a model's name, training arguments), by path. `today` is the ISO date that ignores
    expire by, "" for the day of the check. `only` names the one kind of knowledge to judge with, rules or atlas; "" for both. `deep` says
    of which packages the installed files are read: None for releases that the atlas does not know, True for all that is not certainly a
    known release, False for none.
    """

    paths: tuple[str, ...] = ()
    python: str | None = None
    freeze: str | None = None
    purpose: str | None = None
    target: Target = Target()
    given: Mapping[str, Any] = {}
    select: tuple[str, ...] = ()
    ignores: tuple[Ignore, ...] = ()
    today: str = ""
    only: str = ""
    deep: bool | None = None
