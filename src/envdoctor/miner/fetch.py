"""Opens the Source of a release on an index: a large wheel in parts, anything small as a whole."""

from __future__ import annotations

import hashlib
import io
from itertools import pairwise

from envdoctor.miner.members import label
from envdoctor.miner.ranges import RemoteFile
from envdoctor.miner.release import choose
from envdoctor.miner.sdist import open_sdist
from envdoctor.miner.wheel import open_wheel, text_members
from envdoctor.model.errors import ReleaseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from envdoctor.miner.members import Members
    from envdoctor.miner.release import File, Release
    from envdoctor.miner.web import Client

WHOLE = 8 << 20
"""Bytes up to which a wheel is fetched whole: one request beats a few."""
LARGEST_SDIST = 512 << 20
"""Bytes of the largest source distribution that is fetched; they cannot be read in parts."""


def fetch(client: Client, release: Release) -> Members:
    """Return the Source of a release; everything that the miner reads is in memory then. Raises ReleaseError."""
    file = choose(release)
    name = f"{release.package} {release.version}"
    if file is None:
        raise ReleaseError(f"{name}: the index has neither a wheel nor a source distribution of it; nothing can be mined")
    if not file.filename.endswith(".whl"):
        if file.size > LARGEST_SDIST:
            raise ReleaseError(
                f"{name}: {file.filename} is {file.size >> 20} MiB, and the largest that is fetched is {LARGEST_SDIST >> 20}"
            )
        return open_sdist(io.BytesIO(_whole(client, file, name)), file.filename, label(release))
    if 0 < file.size <= WHOLE:
        return open_wheel(io.BytesIO(_whole(client, file, name)), label(release))
    return _in_parts(client, file, release, name)


def _in_parts(client: Client, file: File, release: Release, name: str) -> Members:
    from zipfile import BadZipFile, ZipFile

    remote = RemoteFile(client, file.url, name, file.size)
    try:
        with ZipFile(remote) as archive:
            ends = sorted({*(info.header_offset for info in archive.infolist()), archive.start_dir})
            wanted = {info.header_offset for info in text_members(archive)}
        remote.prefetch([(start, end) for start, end in pairwise(ends) if start in wanted])
    except BadZipFile as error:
        raise ReleaseError(f"{name}: {file.filename} is no wheel ({error}); run this again, or report it to the index") from None
    return open_wheel(remote, label(release))  # type: ignore[arg-type]


def _whole(client: Client, file: File, name: str) -> bytes:
    answer = client.get(file.url)
    if answer.status != 200:
        raise ReleaseError(f"{name}: fetching {file.filename} is answered with status {answer.status}; run this again")
    if file.sha256 and hashlib.sha256(answer.body).hexdigest() != file.sha256:
        raise ReleaseError(f"{name}: {file.filename} is not the file that the index promises (its sha256 differs); run this again")
    return answer.body
