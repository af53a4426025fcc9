"""Where the files of a source tree would be installed: the `src` layout, packages beside setup.py, single modules. No I/O here.

Nothing is executed, so what a build script does beyond that is not known: `top_level.txt`, where the tree has one, is believed.
"""

from __future__ import annotations

from envdoctor.miner.members import read_metadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_ROOTS = ("src/", "", "python/", "lib/")
_APART = frozenset({
    "test", "tests", "testing", "doc", "docs", "example", "examples", "benchmark", "benchmarks", "bench", "script", "scripts", "tool",
    "tools", "ci", "build", "dist", "setup", "conftest", "conf", "noxfile", "tasks", "versioneer", "notebooks", "recipes", "assets",
    "requirements", "third_party", "thirdparty", "csrc", "cmake",
})  # fmt: skip
_NATIVE = (".so", ".pyd", ".dylib", ".dll")


def places(paths: Iterable[str], package: str, top_level: Collection[str] = ()) -> dict[str, str]:
    """Return where each file of a source tree is installed, relative to site-packages; files that are not installed are left out.

    `paths` are relative to the folder of the tree; `top_level` holds the names of top_level.txt.

    >>> places(["setup.py", "src/trl/__init__.py", "tests/test_trl.py"], "trl")
    {'src/trl/__init__.py': 'trl/__init__.py'}
    """
    known = sorted(paths)
    roots = _roots(known, package, top_level)
    found: dict[str, str] = {}
    for path in known:
        for root in roots:
            if path.startswith(root) and path.endswith((".py", ".pyi", "/py.typed", *_NATIVE)):
                found[path] = path[path.rstrip("/").rfind("/", 0, len(root) - 1) + 1 :] if root.endswith("/") else path.rpartition("/")[2]
                break
    return found


def _roots(known: list[str], package: str, top_level: Collection[str]) -> list[str]:
    """Return the beginnings of what is installed: folders with "/", and the paths of single modules."""
    have = set(known)
    guess = package.replace("-", "_")
    if top_level:
        return [root for name in sorted(top_level) if (root := _find(have, known, name))]
    for base in _ROOTS:
        folders = {path[len(base) :].partition("/")[0] for path in known if path.startswith(base) and path.endswith("/__init__.py")}
        tops = sorted(name for name in folders if f"{base}{name}/__init__.py" in have and name.lower() not in _APART)
        if base != "src/" and guess in tops:
            tops = [name for name in tops if name.partition("_")[0] == guess.partition("_")[0]]
        if tops:
            return [f"{base}{name}/" for name in tops]
        if f"{base}{guess}.py" in have:
            return [f"{base}{guess}.py"]
    return []


def _find(have: set[str], known: list[str], name: str) -> str:
    for base in _ROOTS:
        folder = f"{base}{name.replace('.', '/')}/"
        if any(path.startswith(folder) for path in known):
            return folder
        if f"{base}{name}.py" in have:
            return f"{base}{name}.py"
    return ""


def unseen_modules(found: Iterable[str], top_level: Collection[str]) -> list[str]:
    """Return paths for the modules of top_level.txt that the tree has no file of: native ones, which the build makes."""
    tops = {path.partition("/")[0].removesuffix(".py") for path in found}
    return sorted(f"{name}.so" for name in top_level if name not in tops and name.isidentifier() and name.lower() not in _APART)


def declared(pkg_info: bytes, requires_txt: bytes | None) -> tuple[str, ...]:
    """Return the requirements of a source distribution, from its PKG-INFO, or from the older requires.txt where that tells none."""
    lines, _ = read_metadata(pkg_info)
    if lines or requires_txt is None:
        return lines
    found: list[str] = []
    condition = ""
    for line in map(str.strip, requires_txt.decode("utf-8", "replace").splitlines()):
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
            parts = [f"({marker})" if extra and " or " in marker else marker] if marker else []
            parts += [f'extra == "{extra}"'] if extra else []
            condition = " and ".join(parts)
        elif line and not line.startswith("#"):
            found.append(f"{line} ; {condition}" if condition else line)
    return tuple(found)
