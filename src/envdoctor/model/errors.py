"""Everything that can go wrong, one type each. Only `cli.main` turns them into exit codes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Report


class EnvdoctorError(Exception):
    """Base of all expected errors: says what, where, and what to do."""

    exit_code = 3


class UsageError(EnvdoctorError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class ConfigError(EnvdoctorError):
    """The configuration is wrong: names the file and the key."""

    exit_code = 2


class InputError(EnvdoctorError):
    """A file or folder to be checked cannot be read or understood: names the file, the line where known, and what to do."""

    exit_code = 3


class ScriptError(InputError):
    """A script is not Python: `path` and `line` say where, `reason` what is wrong there."""

    def __init__(self, text: str, path: str, line: int, reason: str) -> None:
        self.path = path
        self.line = line
        self.reason = reason
        super().__init__(text)


class ReleaseError(EnvdoctorError):
    """A release cannot be listed, fetched or read: names the package, the version where known, and what to do."""

    exit_code = 3


class RuleBookError(EnvdoctorError):
    """A rule file is wrong; `defects` lists all of them, each with file and key path."""

    exit_code = 3

    def __init__(self, defects: list[str]) -> None:
        self.defects = defects
        super().__init__("\n".join(defects))


class EditRefused(EnvdoctorError):
    """A file cannot be edited as planned, or put back: it changed underneath, or cannot be written. Names the file, and says what to do."""

    exit_code = 3


class AtlasError(EnvdoctorError):
    """A file of the atlas is wrong, or what was mined cannot be written: names the line or the release."""

    exit_code = 3


class EnvironmentRejected(EnvdoctorError):
    """Raised by `preflight()` when the environment cannot do what the script is about to do."""

    exit_code = 1

    def __init__(self, report: Report, text: str) -> None:
        self.report = report
        super().__init__(text)


class RepairError(EnvdoctorError):
    """A repair cannot be worked out or carried out: says what failed and what to do."""

    exit_code = 3
