"""Draws sets of versions the way people come to have them. The same seed and the same last day give the same sets.

A pin is "what was newest on a day", which is how most pins arise, and needs no list of releases: the resolver answers it.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

from envdoctor.lab.case import Wanted
from envdoctor.lab.environment import BARE, SEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Newest = Callable[[str, str], str]
    """Return the newest version of a package on a day, or an empty text if it had none."""

STACK = ("transformers", "trl", "peft", "accelerate", "datasets")
MOVED = (*STACK, *STACK, "huggingface-hub", "tokenizers", "numpy", "safetensors", "pyarrow", "pandas", "fsspec")
EXTRAS = (
    # package, how often it is there, only beside a torch of its own index
    ("bitsandbytes", 0.35, False), ("torchao", 0.35, False), ("torchvision", 0.35, True), ("sentencepiece", 0.3, False),
    ("scikit-learn", 0.25, False), ("rich", 0.3, False), ("tensorboard", 0.1, False), ("wandb", 0.1, False),
    ("kernels", 0.12, False), ("liger-kernel", 0.08, False), ("protobuf", 0.15, False), ("evaluate", 0.1, False),
)  # fmt: skip
FIRST = date(2023, 11, 1)
_ORDER = ("dated", "pinned", "moved", "random", "dated", "pinned", "moved", "upgraded", "random", "pinned")
"""Kinds in turn, so that every ten sets hold all of them."""
_CUDA_SHARE = 0.25
_LAYERS = 3
"""CUDA releases of torch in one sample: each takes about five gigabytes of the disk."""
_NEEDED = "requests pandas pyarrow dill multiprocess xxhash aiohttp psutil tyro rich pyarrow-hotfix fsspec httpx jinja2"


def draw(number: int, seed: int, last: date, newest: Newest, cpu_torch: str = "") -> Wanted:
    """Return set NUMBER of a seed. `cpu_torch` is the requirement of a CPU build; without one every torch is the index's."""
    fate = random.Random(f"{seed}:{number}")  # noqa: S311 - chance, not secrecy
    kind = _ORDER[number % len(_ORDER)]
    torch, told, cuda = _torch(fate, seed, last, newest, cpu_torch)
    extras = [name for name, share, own in EXTRAS if fate.random() < share and (cuda or not own)]
    venv_seed = SEEDED if fate.random() < 0.5 else BARE
    group, intent, steps = _KINDS[kind](fate, _Scene(torch, told, extras, last, newest))
    return Wanted(id=f"s{seed}-{number:03}", group=group, intent=intent, install=tuple(steps), venv_seed=venv_seed)


class _Scene:
    """What all kinds of sets draw from."""

    def __init__(self, torch: str, told: date | None, extras: Sequence[str], last: date, newest: Newest) -> None:
        self.torch, self.told, self.extras, self.last, self.newest = torch, told, list(extras), last, newest

    @property
    def first(self) -> list[str]:
        """Return the step before the resolver's: a CPU build has no upload date, so a resolver that looks at dates must find it there."""
        return [self.torch] if self.told is None else []

    def day(self, fate: random.Random, since: date = FIRST) -> date:
        return since + timedelta(days=fate.randrange(max(1, (self.last - since).days)))

    def base_day(self, fate: random.Random) -> date:
        """Return the day of a whole set: near the day of a torch that was drawn, else any."""
        if self.told is None:
            return self.day(fate)
        return min(self.last, self.told + timedelta(days=fate.randrange(270)))

    def resolved(self, day: date, *words: str) -> str:
        return " ".join((f"--exclude-newer {day}", self.torch, *words))

    def whole(self, day: date) -> list[str]:
        """Return the steps that give a whole set of a day, with those of the optional packages that were there by then."""
        self.extras = [name for name in self.extras if self.newest(name, day.isoformat())]
        return [*self.first, self.resolved(day, *STACK, *self.extras)]

    def pin(self, fate: random.Random, name: str, since: date = FIRST) -> tuple[str, date]:
        """Return a pin of a package to what was newest on a random day."""
        for _ in range(20):
            day = self.day(fate, since)
            version = self.newest(name, day.isoformat())
            if version:
                return f"{name}=={version}", day
        return name, self.last


def _torch(fate: random.Random, seed: int, last: date, newest: Newest, cpu_torch: str) -> tuple[str, date | None, bool]:
    chance = fate.random()
    layers = random.Random(f"{seed}:layers")  # noqa: S311
    days = [FIRST + timedelta(days=90 + layers.randrange(max(1, (last - FIRST).days - 90))) for _ in range(_LAYERS)]
    day = fate.choice(days)
    if cpu_torch and chance >= _CUDA_SHARE:
        return cpu_torch, None, False
    return f"torch=={newest('torch', day.isoformat())}", day, True


def _dated(fate: random.Random, scene: _Scene) -> tuple[str, str, list[str]]:
    day = scene.base_day(fate)
    return "i-contemporaneous", f"the resolver's choice on {day}", scene.whole(day)


def _pinned(fate: random.Random, scene: _Scene) -> tuple[str, str, list[str]]:
    chosen = fate.sample(STACK, fate.choice((1, 1, 2)))
    pins, days = zip(*(scene.pin(fate, name) for name in chosen))
    rest = [name for name in STACK if name not in chosen]
    intent = " and ".join(f"{pin} of {day}" for pin, day in zip(pins, days)) + ", the rest newest"
    return "ii-pins-of-yesterday", intent, [*scene.first, scene.resolved(scene.last, *pins, *rest, *scene.extras)]


def _moved(fate: random.Random, scene: _Scene) -> tuple[str, str, list[str]]:
    day = scene.base_day(fate)
    whole = scene.whole(day)
    name = fate.choice([*MOVED, *(extra for extra in scene.extras if extra in ("bitsandbytes", "torchao", "kernels", "scikit-learn"))])
    way = fate.choice(("newest", "any", "near"))
    if way == "newest":
        pin = f"{name}=={scene.newest(name, scene.last.isoformat())}"
    elif way == "any":
        pin, _ = scene.pin(fate, name)
    else:
        near = max(FIRST, min(scene.last, day + timedelta(days=fate.randrange(-240, 240))))
        pin = f"{name}=={scene.newest(name, near.isoformat()) or scene.newest(name, scene.last.isoformat())}"
    return "iii-one-moved-no-deps", f"{pin} moved alone inside the choice of {day}", [*whole, f"--no-deps {pin}"]


def _upgraded(fate: random.Random, scene: _Scene) -> tuple[str, str, list[str]]:
    day = scene.base_day(fate)
    name = fate.choice(STACK)
    step = f"--exclude-newer {scene.last} {scene.torch} -P {name} {name}"
    return "iv-one-upgraded", f"{name} upgraded with its dependencies in the choice of {day}", [*scene.whole(day), step]


def _random(fate: random.Random, scene: _Scene) -> tuple[str, str, list[str]]:
    since = max(FIRST, scene.last - timedelta(days=3 * 365))
    pins = {name: scene.pin(fate, name, since)[0] for name in STACK}
    if fate.random() < 0.5:
        free = fate.sample(STACK, fate.choice((1, 2, 2)))
        words = [name if name in free else pin for name, pin in pins.items()]
        return "v-random", "random versions, resolved", [*scene.first, scene.resolved(scene.last, *words, *scene.extras)]
    alone = [pin for name, pin in pins.items() if name != "transformers"]
    base = scene.resolved(scene.last, pins["transformers"], _NEEDED, *scene.extras)
    return "v-random", "random versions, forced with --no-deps", [*scene.first, base, "--no-deps " + " ".join(alone)]


_KINDS = {"dated": _dated, "pinned": _pinned, "moved": _moved, "upgraded": _upgraded, "random": _random}
