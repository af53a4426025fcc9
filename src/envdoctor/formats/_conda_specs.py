"""conda's match specs (`channel::name=version=build`) as requirements under the names of the package index."""

from __future__ import annotations

import re

from envdoctor.model.listing import Requirement
from envdoctor.model.names import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.model.script import Location

# Conda packages whose distribution has another name.
_NAMES = {
    "pytorch": "torch", "pytorch-gpu": "torch", "pytorch-cpu": "torch", "torchtriton": "triton", "pytorch-triton": "triton",
    "matplotlib-base": "matplotlib", "opencv": "opencv-python", "py-opencv": "opencv-python", "python-xxhash": "xxhash",
    "msgpack-python": "msgpack", "tensorflow-base": "tensorflow", "pytables": "tables", "python-flatbuffers": "flatbuffers",
    "protobuf-python": "protobuf", "sqlite-python": "pysqlite3", "faiss": "faiss-cpu",
}  # fmt: skip

_BRACKET = re.compile(r"\[(.*)\]\s*$")
_KEY = re.compile(r"(\w+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^,\s]+))")
_SPEC = re.compile(r"([A-Za-z0-9_.*-]+?)\s*(?:([=<>!~].*)|\s(.*))?$", re.DOTALL)
_CLAUSE = re.compile(r"(~=|===?|!=|<=|>=|<|>|=)?\s*(\S+)$")


class Unreadable(ValueError):
    """The text is no match spec."""


def match_spec(text: str, location: Location) -> tuple[Requirement, bool]:
    """Return a match spec as a requirement, and whether it names one build of one version. Raises Unreadable."""
    spec = text.partition("#")[0].strip().rpartition("::")[2]
    keys: dict[str, str] = {}
    bracket = _BRACKET.search(spec)
    if bracket:
        keys = {match[1]: match[2] or match[3] or match[4] or "" for match in _KEY.finditer(bracket[1])}
        spec = spec[: bracket.start()].strip()
    match = _SPEC.match(spec)
    if match is None:
        raise Unreadable(f"{text!r} is no conda package; the line is left out")
    name = normalise(match[1])
    version, build = _version_and_build((match[2] or match[3] or "").strip())
    version, build = keys.get("version", version), keys.get("build", build)
    specifier = _specifier(version)
    requirement = Requirement(name=_NAMES.get(name, name), specifier=specifier, build=_build_kind(build), location=location)
    return requirement, bool(build) and "*" not in build and specifier.startswith("==") and "*" not in specifier


def torch_build(text: str) -> str:
    """Return the build of torch that a conda package exists to choose, or ""."""
    name = re.split(r"[=<>!\s\[]", text.rpartition("::")[2].strip())[0]
    return {"cpuonly": "cpu", "pytorch-cpu": "cpu", "pytorch-gpu": "cuda", "pytorch-cuda": "cuda"}.get(name, "")


def _version_and_build(rest: str) -> tuple[str, str]:
    if rest.startswith("=") and not rest.startswith("==") and "=" in rest[1:] and not re.search(r"[<>!,|]", rest):
        version, _, build = rest[1:].partition("=")
        return version.strip(), build.strip()
    plain = re.match(r"==([^=\s,|]+)=([^=\s]+)$", rest)
    if plain:
        return plain[1], plain[2]
    parts = rest.split()
    if len(parts) == 2 and not re.search(r"[<>=!~,|]", rest):
        return parts[0], parts[1]
    return rest, ""


def _specifier(version: str) -> str:
    if "|" in version:
        return ""  # a choice of ranges has no PEP 440 specifier: any version may be meant
    clauses = []
    for clause in version.replace(" ", "").split(","):
        match = _CLAUSE.match(clause)
        if match is None or clause == "*":
            continue
        operator, number = match[1] or "", match[2]
        if operator == "=":
            # A single = is a prefix. With three numbers it names the release, as `conda env export --no-builds` means it.
            stem = number[:-2] if number.endswith(".*") else number.rstrip("*")
            operator, number = "==", stem if stem.count(".") >= 2 and stem == number else f"{stem}.*"
        elif not operator or number.endswith("*"):
            operator = operator if operator == "!=" else "=="
            number = number if number.endswith(".*") or not number.endswith("*") else number.rstrip("*.") + ".*"
        clauses.append(operator + number)
    return ",".join(clauses)


def _build_kind(build: str) -> str:
    lowered = build.lower()
    if "cuda" in lowered:
        return "cuda"
    return next((kind for kind in ("cpu", "rocm") if kind in lowered), "")
