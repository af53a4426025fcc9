"""What the scripts and the model that a request names say of the training, put beside what is known of the environment."""

from __future__ import annotations

import os

from envdoctor.facts.host import LocalHost
from envdoctor.facts.locate import is_environment
from envdoctor.facts.scripts import is_script, read_each
from envdoctor.model.facts import Fact
from envdoctor.model.script import Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from envdoctor.facts.patient import Answers
    from envdoctor.model.request import Request
    from envdoctor.model.snapshot import Snapshot


def with_training(snapshot: Snapshot, asked: Request, environ: Mapping[str, str], say: Callable[[str], None] | None = None) -> Snapshot:
    """Return a snapshot with the scripts and the model that a request names; `say` is told how far it is. Raises InputError.

    What one script says stands in the snapshot itself, what several say in each of them, so that they are not mixed.
    """
    models = _Models(environ)
    paths = [path for path in asked.paths if is_script(path) or (os.path.isdir(path) and not is_environment(path))]
    read = read_each(paths, say)
    snapshot = snapshot.replace(unread=(*snapshot.unread, *read.unread))
    if len(read.scripts) > 1:
        told = [script.replace(facts=tuple(_told(snapshot, script, facts, asked, models))) for script, facts in read.scripts]
        return snapshot.replace(scripts=tuple(told))
    for script, facts in read.scripts:
        return snapshot.with_answers(_told(snapshot, script, facts, asked, models)).replace(script=script)
    return snapshot.with_answers(_told(snapshot, snapshot.script or Script(), (), asked, models))


def _told(snapshot: Snapshot, script: Script, facts: Sequence[Fact], asked: Request, models: _Models) -> Answers:
    """Return what a script says, and what is known of its model; what the user said outright beats both."""
    answers: Answers = [fact for fact in facts if fact.path not in snapshot.facts]
    model = snapshot.with_answers(answers).fact("model.name")
    if isinstance(model, Fact):
        described = models.describe(str(model.value), loader_of(script))
        answers += [one for one in described if one.path not in asked.given and one.path != "model.name"]
    return answers


class _Models:
    """Looks each model up once: many scripts name the same."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._host = LocalHost(environ=environ)
        self._known: dict[tuple[str, str], Answers] = {}

    def describe(self, name: str, loader: str) -> Answers:
        known = self._known.get((name, loader))
        if known is None:
            from envdoctor.facts.model import describe

            known = self._known[name, loader] = list(describe(name, self._host, loader))
        return known


def loader_of(script: Script) -> str:
    """Return the library whose loader the script calls ("unsloth", "transformers"), or "" where it is not certain."""
    loaders = {
        call.target.split(".")[0] for call in script.calls if call.target.endswith(".from_pretrained") and "Tokenizer" not in call.target
    }
    return "unsloth" if "unsloth" in loaders else "transformers" if "transformers" in loaders else ""
