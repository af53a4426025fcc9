"""No false alarm on what the libraries publish themselves: their newest source distributions, under the newest releases that the atlas knows.

Marked `install`: fetches from the package index. Tests of a library call what no release takes on purpose, so they are left out.
"""

from __future__ import annotations

import io
import tarfile

import pytest

from envdoctor.engine.calls import Judge
from envdoctor.engine.calls_told import tell
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.miner.index import Index, index_url
from envdoctor.miner.web import Client
from envdoctor.script import read
from tests.conftest import snapshot

pytestmark = pytest.mark.install

LIBRARIES = ("trl", "transformers", "peft")
LARGEST = 200_000
TRUE = {
    # a function that runs under tensor parallelism only imports what transformers moved to another module in 5.16.0
    ("src/peft/utils/save_and_load.py", "transformers.integrations.tensor_parallel.EmbeddingParallel"),
}
"""What the libraries really have wrong, read in the files of both releases: file, and the name that is missing."""


def newest() -> dict[str, str]:
    atlas = open_atlas()
    assert atlas is not None
    return {name: atlas.versions(name)[-1] for name in atlas.packages if atlas.versions(name)}


def scripts(package: str, version: str) -> dict[str, str]:
    """Return the Python files of a source distribution by path."""
    with Client() as client:
        release = next(one for one in Index(client, index_url(None)).releases(package) if one.version == version)
        body = client.get(next(one.url for one in release.files if one.filename.endswith(".tar.gz"))).body
    found = {}
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        for member in archive:
            parts = member.name.split("/")
            if member.isfile() and member.name.endswith(".py") and member.size < LARGEST and "tests" not in parts:
                content = archive.extractfile(member)
                assert content is not None
                found["/".join(parts[1:])] = content.read().decode()
    return found


@pytest.mark.parametrize("package", LIBRARIES)
def test_nothing_is_found_in_the_libraries_own_scripts(package: str) -> None:
    versions = newest()
    patient = snapshot(dict(versions))
    atlas = open_atlas()
    assert atlas is not None
    judge = Judge(patient, atlas.beside(patient.distributions, True), open_spellings())
    told, calls = [], 0
    for path, text in scripts(package, versions[package]).items():
        script = read(text, path)
        calls += len(script.calls)
        told += [(path, finding.message) for finding in tell(judge.misuses(script), judge, patient)]
    print(f"{package} {versions[package]}: {calls} calls, {len(told)} findings")
    assert [one for one in told if not any(one[0] == path and name in one[1] for path, name in TRUE)] == []
    assert calls > 500
