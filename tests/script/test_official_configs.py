"""No false alarm on the example configurations that axolotl and LLaMA-Factory publish, under releases that they ask for.

Marked `install`: fetches from the package index.
"""

from __future__ import annotations

import io
import tarfile

import pytest

from envdoctor.engine.calls import Judge
from envdoctor.engine.calls_told import tell
from envdoctor.facts.training_files import read, recognises
from envdoctor.knowledge.atlas.load import open_atlas
from envdoctor.knowledge.spellings import open_spellings
from envdoctor.memory.stated import stated
from envdoctor.miner.index import Index, index_url
from envdoctor.miner.web import Client
from tests.conftest import snapshot

pytestmark = pytest.mark.install

SUFFIXES = (".yaml", ".yml", ".json")
RELEASES = {
    "axolotl": {"axolotl": "0.21.0", "transformers": "5.20.1", "trl": "1.14.1", "accelerate": "1.15.0", "peft": "0.21.2"},
    # accelerate: the examples for KTransformers are for a fork of it
    "llamafactory": {"llamafactory": "0.9.5", "transformers": "4.57.1", "trl": "0.24.0", "peft": "0.18.0"},
}


def files(package: str, version: str) -> dict[str, str]:
    """Return the YAML and JSON files of a source distribution by path."""
    with Client() as client:
        release = next(one for one in Index(client, index_url(None)).releases(package) if one.version == version)
        body = client.get(next(one.url for one in release.files if one.filename.endswith(".tar.gz"))).body
    found = {}
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(SUFFIXES) and "/tests/" not in member.name:
                content = archive.extractfile(member)
                assert content is not None
                found[member.name.partition("/")[2]] = content.read().decode()
    return found


@pytest.mark.parametrize(("package", "least"), [("axolotl", 300), ("llamafactory", 65)])
def test_nothing_is_found_in_the_published_examples(package: str, least: int) -> None:
    versions = RELEASES[package]
    patient = snapshot(dict(versions))
    atlas = open_atlas()
    assert atlas is not None
    judge = Judge(patient, atlas.beside(patient.distributions, True), open_spellings())
    known = {path: read(text, path) for path, text in files(package, versions[package]).items() if recognises(text)}
    told = [(path, finding.message) for path, script in known.items() for finding in tell(judge.misuses(script), judge, patient)]
    models = sum("model" in stated(script)[0] for script in known.values())
    print(f"{package} {versions[package]}: {len(known)} configurations, {models} with a model, {len(told)} findings")
    assert told == []
    assert len(known) >= least
