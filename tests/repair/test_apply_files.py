"""Files are written whole or not at all, and what no edit touches stays as it was, byte for byte."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from envdoctor.facts.documents import read_text
from envdoctor.model.errors import EditRefused, InputError
from envdoctor.model.plan import Edit
from envdoctor.repair import files
from envdoctor.repair.documents import Document, read, rewritten
from envdoctor.repair.files import Replacement, Replacing

TEXTS = {
    "plain": b"torch==2.5.1\nnumpy\n",
    "windows": b"torch==2.5.1\r\nnumpy \t\r\n",
    "mixed endings, none at the end": b"torch==2.5.1\rnumpy\r\nx\n\ny",
    "marked": "\ufefftorch==2.5.1\n# größer\n".encode(),
    "powershell": "torch==2.5.1\r\n# größer\r\n".encode("utf-16"),
    "utf-16, big end first": b"\xfe\xff" + "torch==2.5.1\r\n".encode("utf-16-be"),
    "utf-16, unmarked": "torch==2.5.1\r\n".encode("utf-16-le"),
    "utf-32": "torch==2.5.1\n\N{SNAKE}".encode("utf-32"),
    "latin": b"torch==2.5.1\n# gr\xf6\xdfer\n",
}


def document(path: Path, data: bytes) -> Document:
    path.write_bytes(data)
    return read(str(path))


def edit(found: Document, old: str, new: str) -> Edit:
    start = found.text.index(old)
    return Edit(document=found.path, start=start, end=start + len(old), old=old, new=new)


@pytest.mark.parametrize("data", TEXTS.values(), ids=TEXTS)
def test_no_edit_changes_no_byte_and_an_edit_only_its_own(data: bytes, tmp_path: Path) -> None:
    found = document(tmp_path / "r.txt", data)
    assert rewritten(found, ()) == data
    new = rewritten(found, [edit(found, "2.5.1", "2.13.0+cu126")])
    wide = len("x".encode(found.encoding))
    assert len(new) - len(data) == wide * (len("2.13.0+cu126") - len("2.5.1"))
    at = data.index("2.5.1".encode(found.encoding))
    assert (new[:at], new[-len(data) + at + 5 * wide :]) == (data[:at], data[at + 5 * wide :])


@pytest.mark.parametrize("data", TEXTS.values(), ids=TEXTS)
def test_positions_count_in_the_text_that_readers_see(data: bytes, tmp_path: Path) -> None:
    found = document(tmp_path / "r.txt", data)
    assert found.text == read_text(found.path)


def test_edits_may_touch_and_stand_in_any_order(tmp_path: Path) -> None:
    found = document(tmp_path / "r.txt", b"abcdef")
    spans = [(4, 6, "ef", "X"), (0, 2, "ab", ""), (2, 2, "", "+"), (2, 4, "cd", "Y")]
    edits = [Edit(document="r.txt", start=start, end=end, old=old, new=new) for start, end, old, new in spans]
    assert rewritten(found, edits) == b"+YX"


@pytest.mark.parametrize(
    ("spans", "told"),
    [
        ([(0, 2, "xx", "")], "line 1: the file was changed"),
        ([(0, 2, "ab", ""), (1, 3, "b\n", "")], "line 1: two changes want"),
        ([(3, 9, "cd", "")], "lies outside the text"),
        ([(-1, 0, "", "")], "outside"),
        ([(2, 1, "", "")], "outside"),
        ([(0, 1, "a", "\N{SNAKE}")], "cannot be written in LATIN-1"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(spans: list[tuple[int, int, str, str]], told: str, tmp_path: Path) -> None:
    found = document(tmp_path / "r.txt", b"ab\ncd\xff")
    with pytest.raises(EditRefused, match=told):
        rewritten(found, [Edit(document="r.txt", start=start, end=end, old=old, new=new) for start, end, old, new in spans])


def test_what_would_not_survive_an_edit_is_refused(tmp_path: Path) -> None:
    for data in (b"\xef\xbb\xbfab\xff", b"\xff\xfea\x00b", b"a\0b\0\0\xd8c\0"):
        with pytest.raises(EditRefused, match="bytes that are no UTF-"):
            document(tmp_path / "r.txt", data)
    for path in (tmp_path, tmp_path / "none.txt"):
        with pytest.raises(InputError, match=r"no regular file|does not exist"):
            read(str(path))


# Writing


def replacements(folder: Path, **texts: str) -> list[Replacement]:
    return [
        Replacement(place=str(folder / name), data=text.encode(), before=files.digest_of(str(folder / name)), tag="t")
        for name, text in texts.items()
    ]


def write(*wanted: Replacement) -> None:
    replacing = Replacing(wanted)
    replacing.prepare()
    replacing.commit()


def held(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_several_files_are_replaced_and_made_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    write(*replacements(tmp_path, a="2", b="3"))
    assert held(tmp_path) == {"a": "2", "b": "3"}


def test_mode_and_links_stay(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "a").chmod(0o751)
    (tmp_path / "link").symlink_to("a")
    found = read(str(tmp_path / "link"))
    write(Replacement(place=found.place, data=b"2", before=found.digest, tag="t"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_text() == "2"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o751


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    os.chown(tmp_path / "a", 12345, 54321)
    write(*replacements(tmp_path, a="2"))
    found = (tmp_path / "a").stat()
    assert (found.st_uid, found.st_gid) == (12345, 54321)


def test_a_file_that_changed_underneath_is_not_written_nor_any_other(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text("1")
    replacing = Replacing(replacements(tmp_path, a="2", b="2"))
    replacing.prepare()
    (tmp_path / "b").write_text("someone else's")
    with pytest.raises(EditRefused, match=r"b changed since it was read"):
        replacing.commit()
    assert held(tmp_path) == {"a": "1", "b": "someone else's"}
    (tmp_path / "b").unlink()
    with pytest.raises(EditRefused, match=r"b was made since"):
        wanted = replacements(tmp_path, b="2")
        (tmp_path / "b").write_text("1")
        write(*wanted)


@pytest.mark.parametrize("links", [True, False])
def test_what_was_written_is_put_back_when_another_file_cannot_be(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        (tmp_path / name).write_text("1")
    real, renames = os.replace, []

    def fails_at_the_third(one: str, two: str) -> None:
        renames.append(two)
        if len(renames) == 3:
            raise OSError(16, "Device or resource busy")
        real(one, two)

    if not links:
        monkeypatch.setattr(os, "link", lambda one, two: (_ for _ in ()).throw(OSError(95, "not supported")))
    monkeypatch.setattr(os, "replace", fails_at_the_third)
    with pytest.raises(EditRefused, match=r"c cannot be replaced \(Device or resource busy\); no file was changed"):
        write(*replacements(tmp_path, a="2", b="2", c="2"))
    assert held(tmp_path) == {"a": "1", "b": "1", "c": "1"}


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("1")
    program = """
import resource, signal, sys
from envdoctor.model.errors import EditRefused
from envdoctor.repair.files import Replacement, Replacing, digest_of
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 12, 1 << 12))
wanted = [Replacement(place=f"{sys.argv[1]}/{name}", data=data, before=digest_of(f"{sys.argv[1]}/{name}"), tag="t")
          for name, data in (("a", b"2"), ("b", bytes(1 << 13)))]
try:
    Replacing(wanted).prepare()
except EditRefused as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path}/b cannot be written (File too large); no file was changed\n"
    assert held(tmp_path) == {"a": "1", "b": "1"}
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1 << 12


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_nothing_is_written_where_writing_is_not_allowed() -> None:
    with tempfile.TemporaryDirectory() as name:  # one that another user may enter
        folder = Path(name)
        (folder / "a").write_text("1")
        wanted = replacements(folder, a="2")
        user = os.geteuid()
        try:
            folder.chmod(0o555)
            (folder / "a").chmod(0o666)
            if user == 0:  # root may write anywhere
                os.seteuid(65534)
            with pytest.raises(EditRefused, match="is read-only, and a file is replaced from beside it"):
                write(*wanted)
            os.seteuid(user)
            folder.chmod(0o777)
            (folder / "a").chmod(0o444)
            if user == 0:
                os.seteuid(65534)
            with pytest.raises(EditRefused, match=r"a is read-only; no file was changed"):
                write(*wanted)
        finally:
            os.seteuid(user)
        assert held(folder) == {"a": "1"}
