"""Missing facts in the reader's words: what nobody described, and which option would describe it."""

from __future__ import annotations

from envdoctor.model.facts import FAILED, TIMED_OUT
from envdoctor.model.finding import Unknown
from envdoctor.report.plain import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.finding import Report

WANTED: tuple[tuple[str, str, str, str], ...] = (
    # start of the fact's path, phrase when nobody told it, what to call it when reading it failed, option that tells it
    ("gpu.", "GPU not described", "GPU", "--gpu NAME"),
    ("driver.", "GPU driver not described", "GPU driver", "--driver VERSION"),
    ("rocm.", "ROCm not described", "ROCm", ""),
    ("torch.", "build of torch not known", "build of torch", ""),
    ("cuda.", "CUDA on disk not known", "CUDA on disk", ""),
    ("os.", "platform not described", "platform", "--platform NAME"),
    ("python.", "Python not described", "Python", "--python-version VERSION"),
    ("memory.", "memory of the machine not described", "memory of the machine", ""),
    ("disk.", "free disk space not known", "free disk space", ""),
    ("hf.download_needed", "no model named", "size of the model", ""),
    ("hf.", "Hugging Face cache and token not known", "Hugging Face cache", ""),
    ("model.", "no model named", "model", ""),
    ("training.", "no training arguments given", "training arguments", ""),
    ("run.", "no model named", "memory of the run", ""),
    ("script", "no training script given", "training script", ""),
    ("call:", "no training script given", "training script", ""),
    ("import:", "no training script given", "training script", ""),
    ("environment.", "list of packages not known to be complete", "list of packages", ""),
    ("env", "environment variables not known", "environment variables", ""),
    ("tools.", "compilers and tools not known", "compilers and tools", ""),
    ("work.", "working directory not known", "working directory", ""),
)
_FAILURES = {FAILED: "could not be read", TIMED_OUT: "did not answer in time"}


def phrases(report: Report) -> list[str]:
    """Say what is missing, the fact that most rules wait for first."""
    waiting: dict[str, int] = {}
    unversioned: dict[str, int] = {}
    unread: dict[str, None] = {}
    by_versions = by_files = 0
    for outcome in report.outcomes.values():
        if not isinstance(outcome, Unknown):
            continue
        names = [path[5:] for path in outcome.missing if path.startswith("dist:")]
        for name in names:
            unversioned[name] = unversioned.get(name, 0) + 1
        by_versions += bool(names)
        files = [path[6:] for path in outcome.missing if path.startswith("atlas:")]
        unread.update(dict.fromkeys(files))
        by_files += bool(files)
        # One rule that waits for three facts of the GPU waits for one description.
        for phrase in {_phrase(report, path) for path in outcome.missing if not path.startswith(("dist:", "atlas:"))}:
            waiting[phrase] = waiting.get(phrase, 0) + 1
    if unversioned:
        names = sorted(unversioned, key=lambda name: (-unversioned[name], name))
        waiting[f"{'version' if len(names) == 1 else 'versions'} of {clean(some(names, 2))} not known"] = by_versions
    if unread:
        # the atlas does not know these releases, and nobody has looked into what is installed
        waiting[f"files of {clean(some([_named(report, name) for name in unread], 2))} not read"] = by_files
    return sorted(waiting, key=lambda phrase: (-waiting[phrase], phrase))


def settling(report: Report) -> str:
    """Say what would turn an unknown verdict into one, or "" where nobody can say."""
    patient = report.snapshot
    if not patient.is_complete:
        return "name all packages: check the environment itself or a lock file, or give a list of all that is installed with --freeze FILE"
    if not report.uses:
        return "check an environment that has torch or transformers in it"
    unversioned = sorted(name for name, distribution in patient.distributions.items() if distribution.version is None)
    if unversioned:
        return f"say which version of {clean(some(unversioned, 3))}"
    paths = report.missing()
    options = [option for start, _, _, option in WANTED if option and any(path.startswith(start) for path in paths)]
    return f"describe the machine with {' '.join(options)}" if options else ""


def some(names: list[str], most: int) -> str:
    """Join names for a sentence, and count those beyond `most`.

    >>> some(["torch", "trl", "peft"], 2)
    'torch, trl and 1 more'
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def _named(report: Report, name: str) -> str:
    found = report.snapshot.distribution(name)
    return f"{name} {found.version}" if found is not None and found.version else name


def _phrase(report: Report, path: str) -> str:
    for start, phrase, subject, _ in WANTED:
        if path.startswith(start):
            absent = report.snapshot.absent.get(path)
            if absent is not None and absent.detail and path.startswith("run."):
                return clean(absent.detail)  # what a forecast lacks differs from run to run
            failure = _FAILURES.get(absent.reason) if absent is not None else None
            return f"{subject} {failure}" if failure else phrase
    return f"{clean(path)} not known"
