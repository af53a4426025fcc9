"""The patient's Python, read from the files of its environment. It is never started."""

from __future__ import annotations

from envdoctor.facts.locate import pyvenv_settings
from envdoctor.model.facts import FAILED, NOT_COLLECTED, Absent, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from envdoctor.facts.host import Host


def collect(host: Host) -> Iterator[Fact | Absent]:
    """Yield the facts of the checked environment's Python."""
    settings = venv_settings(host)
    version, origin = _version(host, settings)
    implementation = "pypy" if _is_pypy(host, settings) else "cpython"
    if not host.prefix:
        for path in ("python.version", "python.implementation", "python.abi", "python.prefix", "python.headers"):
            yield Absent(path=path, reason=NOT_COLLECTED, detail="no environment was given")
        return
    if version:
        yield Fact(path="python.version", value=version, origin=origin)
    else:
        yield Absent(path="python.version", reason=FAILED, detail=f"{host.prefix} does not tell the version of its Python")
    yield Fact(path="python.implementation", value=implementation, origin="files of the environment")
    numbers = version.split(".")
    if len(numbers) >= 2 and implementation == "cpython":
        abi = f"cp{numbers[0]}{numbers[1]}" + ("t" if _is_free_threaded(host, numbers[0] + "." + numbers[1]) else "")
        yield Fact(path="python.abi", value=abi, origin="version and folder names of the environment")
    else:
        yield Absent(path="python.abi", reason=FAILED, detail=f"not known for {implementation} {version}".rstrip())
    yield Fact(path="python.prefix", value=host.prefix, origin="the environment that is checked")
    yield _headers(host, settings, ".".join(numbers[:2]))


def venv_settings(host: Host) -> dict[str, str]:
    """Return the keys and values of the environment's `pyvenv.cfg`; none where it is no virtual environment."""
    return pyvenv_settings((host.read_text(f"{host.prefix}/pyvenv.cfg", 1 << 16) or "").splitlines())


def _version(host: Host, settings: dict[str, str]) -> tuple[str, str]:
    if host.python_version:
        return host.python_version, "the interpreter of the environment"
    # venv writes "version = 3.11.7", virtualenv and uv "version_info = 3.11.7" (virtualenv appends ".final.0").
    for key in ("version", "version_info"):
        numbers = settings.get(key, "").split(".")[:3]
        if len(numbers) >= 2 and all(number.isdecimal() for number in numbers):
            return ".".join(numbers), "pyvenv.cfg"
    for name in host.list_dir(f"{host.prefix}/conda-meta") or ():
        parts = name.split("-")
        if parts[0] == "python" and len(parts) == 3 and name.endswith(".json") and parts[1][:1].isdecimal():
            return parts[1], f"conda-meta/{name}"
    for folder in host.site_packages:
        name = folder.replace("\\", "/").rstrip("/").rpartition("/")[0].rpartition("/")[2]
        short = name.removeprefix("python").removeprefix("pypy").rstrip("t")
        if short != name and short.replace(".", "").isdecimal():
            return short, f"folder name {name}"
    return "", ""


def _is_pypy(host: Host, settings: dict[str, str]) -> bool:
    if settings.get("implementation", "").lower() == "pypy":
        return True
    return any("/pypy" in folder.replace("\\", "/") for folder in host.site_packages)


def _is_free_threaded(host: Host, short: str) -> bool:
    if any(f"/python{short}t/" in folder.replace("\\", "/") + "/" for folder in host.site_packages):
        return True
    return host.platform == "win32" and host.exists(f"{host.prefix}/python{short.replace('.', '')}t.dll")


def _headers(host: Host, settings: dict[str, str], short: str) -> Fact | Absent:
    bases = [host.prefix]
    if settings.get("home"):
        home = settings["home"].replace("\\", "/").rstrip("/")
        # On Windows `home` is the base installation itself, elsewhere its bin folder, often of links only.
        started = settings.get("executable") or f"{home}/python{short}"
        bases += [home, _parent(home), _parent(_parent(host.real_path(started).replace("\\", "/")))]
    located = False
    for base in dict.fromkeys(bases):
        names = (f"{base}/include/python{short}", f"{base}/include/python{short}t", f"{base}/include")
        framework = f"{base}/Frameworks/Python.framework/Versions/{short}/include/python{short}"
        for folder in (*names, framework):
            if host.exists(f"{folder}/Python.h"):
                return Fact(path="python.headers", value=True, origin=f"{folder}/Python.h")
        located = located or host.exists(f"{base}/lib/python{short}/os.py") or host.exists(f"{base}/Lib/os.py")
    if located:
        return Fact(path="python.headers", value=False, origin=f"no Python.h in the include folders of Python {short}")
    return Absent(path="python.headers", reason=FAILED, detail="the installation that the environment was made from was not found")


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"
