"""What an expression can be while a module is read without being run: constants, modules, functions, and answers that hang on the
environment.

A value is a tuple whose first field names its kind:

    ("const", object)            ("parsed", text)            a constant version
    ("guard", guard)             truth that depends on the environment
    ("version", distribution)    its installed version, parsed or not
    ("release", distribution), ("release", distribution, width)    its numbers, or the first of them
    ("part", distribution, place)                                  one of them; of Python where there is no distribution
    ("mod", dotted)              a module, own or foreign
    ("ext", module, path)        what a foreign module holds under that dotted path      ("answer", module, path, arguments, element)
    ("func", module, node, self) ("class", module, node)     ("inst", class, attributes, born)   ("extinst", module, path)
    ("super", inst, class)       ("seq", [values], born)     ("dict", {key: value}, complete, born)
    ("choice", guard, a, b, ways)
    ("python",), ("python", width), ("system",)    ("builtin", name)             ("unknown",)
    ("packages",)                what packages_distributions returns
    ("spec", module)             what find_spec returns      ("text", text)                a message with placeholders
    ("extmethod", module, path, name)                        a method of what a foreign class makes

`born` is the condition of the line that made a list or dictionary: what is put in under another one is there in some runs only.
"""

from __future__ import annotations

from envdoctor.model.guards import FALSE, TRUE, UNKNOWN, all_of, any_of, no

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from envdoctor.model.guards import Guard

    Value = tuple[Any, ...]

NOTHING: Value = ("unknown",)
NONE: Value = ("const", None)
UNSURE: Value = ("unsure",)
"""Stands in a list for what is there in some runs only."""
ANYTHING = ...
"""Stands in a dictionary for keys that are not known."""
ARGUMENT = "$1"


class Argument(str):
    """Stands for the argument of a helper, see the section "answers": none of the texts that it is compared with, which it remembers."""

    asked: set[str]

    def __new__(cls) -> Argument:
        """Make one that was compared with nothing yet."""
        made = super().__new__(cls, ARGUMENT)
        made.asked = set()
        return made


LARGEST = 5000
"""Items of a list and signs of a text; larger ones are not followed."""
_MOST_WAYS = 24
YES: Value = ("guard", TRUE)
NO: Value = ("guard", FALSE)

_SOLID = frozenset({"mod", "func", "class", "inst", "extinst", "version", "parsed", "release", "super", "python", "system", "packages"})

DISTRIBUTIONS: dict[str, str] = {
    # module: distribution, where the names differ by more than "_" and "-"
    "sklearn": "scikit-learn", "PIL": "pillow", "yaml": "pyyaml", "cv2": "opencv-python", "dateutil": "python-dateutil",
    "bs4": "beautifulsoup4", "attr": "attrs", "google": "protobuf", "pkg_resources": "setuptools", "git": "gitpython",
    "absl": "absl-py", "faiss": "faiss-cpu",
    "skimage": "scikit-image", "OpenSSL": "pyopenssl", "jwt": "pyjwt", "dotenv": "python-dotenv", "Levenshtein": "python-levenshtein",
    "awq": "autoawq", "auto_gptq": "auto-gptq", "flash_attn_interface": "flash-attn-3", "tf_keras": "tf-keras",
    "rouge_score": "rouge-score",
}  # fmt: skip


def distribution_of(module: str) -> str:
    """Return the distribution that a top-level module usually comes from, as guards name it."""
    top = module.split(".", 1)[0]
    return DISTRIBUTIONS.get(top, top.replace("_", "-").lower())


def const(value: object) -> Value:
    """Return a constant; one that is very large is not followed."""
    return NOTHING if isinstance(value, (str, bytes, tuple)) and len(value) > LARGEST else ("const", value)


def truth(value: Value) -> Guard:
    """Return when a value counts as true."""
    kind = value[0]
    if kind == "const":
        return TRUE if value[1] else FALSE
    if kind == "guard":
        return value[1]  # type: ignore[no-any-return]
    if kind in _SOLID:
        return TRUE
    if kind == "spec":
        return ("has", value[1])
    if kind == "seq":
        return UNKNOWN if value[1] and all(one == UNSURE for one in value[1]) else TRUE if value[1] else FALSE
    if kind == "dict":
        return TRUE if any(one != UNSURE for one in value[1].values()) else UNKNOWN if value[1] or not value[2] else FALSE
    if kind == "choice":
        return any_of((all_of((value[1], truth(value[2]))), all_of((no(value[1]), truth(value[3])))))
    if kind == "answer":
        _, module, path, arguments, element = value
        if arguments is None:
            return UNKNOWN
        return ("call", module, path, arguments + ("" if element is None else f"#{element}"))
    return UNKNOWN


def merge(guard: Guard, one: Value, two: Value) -> Value:
    """Return a value that is `one` where the guard holds and `two` elsewhere."""
    if one is two or guard == TRUE or same(one, two):
        return one
    if guard == FALSE:
        return two
    if guard == UNKNOWN:
        return NOTHING
    if is_truth(one) and is_truth(two):
        return ("guard", any_of((all_of((guard, truth(one))), all_of((no(guard), truth(two))))))
    ways = _ways(one) + _ways(two)
    return ("choice", guard, one, two, ways) if ways <= _MOST_WAYS else NOTHING


def _ways(value: Value) -> int:
    return value[4] if value[0] == "choice" else 1


def settled(value: Value) -> list[Value] | None:
    """Return the items of a list that is the same in every run, None for any other value."""
    return value[1] if value[0] == "seq" and UNSURE not in value[1] else None


def put(value: Value, items: list[Value], path: Guard) -> None:
    """Add items to a list under the condition of a line."""
    born = value[2] if len(value) > 2 else TRUE
    value[1].extend(items if path == born else [UNSURE] * bool(items))
    if len(value[1]) > LARGEST:
        blur(value)


def listed(items: list[Value], path: Guard) -> Value:
    """Return a list that a line makes."""
    return ("seq", items if len(items) <= LARGEST else [UNSURE], path)


def store(value: Value, key: object, item: Value, path: Guard) -> None:
    """Set a key of a dictionary under the condition of a line."""
    born = value[3] if len(value) > 3 else TRUE
    value[1][key] = item if path == born else UNSURE


def take_out(value: Value, key: object, path: Guard) -> Value:
    """Remove a key of a dictionary under the condition of a line, and return what it held."""
    born = value[3] if len(value) > 3 else TRUE
    if key not in value[1]:
        return NOTHING
    found: Value = value[1][key]
    if path == born:
        del value[1][key]
    else:
        value[1][key] = UNSURE
    return NOTHING if found == UNSURE else found


def blur(value: Value) -> None:
    """Say nothing more of what a list or dictionary holds."""
    if value[0] == "seq":
        value[1][:] = [UNSURE]
    elif value[0] == "dict":
        for key in value[1]:
            value[1][key] = UNSURE
        value[1][ANYTHING] = UNSURE


def is_whole(value: Value) -> bool:
    """Tell whether all keys that a dictionary may have are known."""
    return bool(value[2]) and ANYTHING not in value[1]


def assign(instance: Value, name: str, value: Value, path: Guard) -> None:
    """Set an attribute of an instance under the condition of a line."""
    born = instance[3] if len(instance) > 3 else TRUE
    held = instance[2]
    held[name] = value if path == born else merge(path, value, held.get(name, NOTHING))


def is_pattern(value: Value) -> bool:
    """Tell whether a text is, or holds, an argument that is given later."""
    return value[0] in ("const", "parsed") and isinstance(value[1], str) and ARGUMENT in value[1]


def is_truth(value: Value) -> bool:
    """Tell whether a value is plainly yes or no."""
    return value[0] == "guard" or (value[0] == "const" and isinstance(value[1], bool))


def same(one: Value, two: Value) -> bool:
    """Tell whether two values are the same simple thing."""
    if one[0] != two[0] or one[0] in ("inst", "seq", "dict", "choice", "func", "class"):
        return False
    try:
        return bool(one == two) and type(one[-1]) is type(two[-1])
    except Exception:  # noqa: BLE001 - constants of any type
        return False


def each(value: Value) -> list[tuple[Guard, Value]]:
    """Unfold choices into (guard, value)."""
    if value[0] != "choice":
        return [(TRUE, value)]
    return [
        *((all_of((value[1], guard)), one) for guard, one in each(value[2])),
        *((all_of((no(value[1]), guard)), one) for guard, one in each(value[3])),
    ]


def element(value: Value, key: object) -> Value:
    """Return what a subscript takes out of a value."""
    kind = value[0]
    if kind == "seq" and UNSURE in value[1]:
        return NOTHING
    if kind == "seq" and isinstance(key, int) and -len(value[1]) <= key < len(value[1]):
        return value[1][key]  # type: ignore[no-any-return]
    if kind == "dict" and key in value[1]:
        return NOTHING if value[1][key] == UNSURE else value[1][key]
    if kind == "answer" and isinstance(key, int) and value[4] is None:
        return (*value[:4], key)
    if kind == "choice":
        return merge(value[1], element(value[2], key), element(value[3], key))
    if (
        kind == "const"
        and isinstance(value[1], (str, tuple))
        and not is_pattern(value)
        and isinstance(key, int)
        and -len(value[1]) <= key < len(value[1])
    ):
        return const(value[1][key])
    if kind in ("release", "python") and isinstance(key, int):
        return ("part", value[1] if kind == "release" else "", key)
    return NOTHING
