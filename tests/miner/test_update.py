"""Updates of the atlas from an index on this machine, with a miner that is told what to do: what is new, what fails, what is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from envdoctor.knowledge.atlas.text import read_text
from envdoctor.miner.journal import Journal, miner_mark
from envdoctor.miner.release import File, Release
from envdoctor.miner.store import Store
from envdoctor.miner.texts import Texts
from envdoctor.miner.update import News, Outcome, Settings, Watch, blocks_of, find_news, update
from envdoctor.model.errors import ReleaseError
from envdoctor.model.surface import Surface
from tests.served import Served, build_wheel, served


class Heard(Watch):
    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def listed(self, news: News) -> None:
        self.told.append(("listed", news.package, str(len(news.versions))))

    def mined(self, package: str, version: str, seconds: float) -> None:
        self.told.append(("mined", package, version))

    def failed(self, package: str, version: str, reason: str) -> None:
        self.told.append(("failed", package, version))

    def written(self, outcome: Outcome) -> None:
        self.told.append(("written", outcome.package))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Served]:
    folder = tmp_path / "files"
    folder.mkdir()
    with served(folder) as place:
        yield place


@pytest.fixture
def settings(tmp_path: Path, index: Served) -> Settings:
    return Settings(
        index=index.url,
        store=str(tmp_path / "store"),
        journal=str(tmp_path / "journal"),
        texts=Texts(str(tmp_path / "atlas")),
        jobs=2,
        miner="tests.miner.pretended:mine",
    )


def release(index: Served, name: str, version: str, text: str, day: str = "2024-01-01") -> None:
    build_wheel(index.folder, name, version, {f"{name}.py": text})
    index.dates[version] = day


def run(settings: Settings, *packages: str) -> tuple[list[Outcome], Heard]:
    heard = Heard()
    found, failed = find_news(packages, settings, heard)
    return [*failed, *update(found, settings, heard)], heard


def text_of(tmp_path: Path, package: str) -> str:
    return (tmp_path / "atlas" / f"{package}.txt").read_text("utf-8")


def test_new_releases_are_mined_written_and_then_known(tmp_path: Path, index: Served, settings: Settings) -> None:
    release(index, "one", "1.0", "a = 1")
    release(index, "one", "1.1", "a = 1\nb = 2", "2024-02-01")
    release(index, "two", "3", "c = 3")
    outcomes, heard = run(settings, "two", "one")
    assert sorted((outcome.package, outcome.written, outcome.failures) for outcome in outcomes) == [
        ("one", ("1.0", "1.1"), ()),
        ("two", ("3",), ()),
    ]
    assert text_of(tmp_path, "one") == (
        "envdoctor atlas 1\npackage one\nreleases\n  1.0 2024-01-01\n  1.1 2024-02-01\n[offers]\none\n  1.0- . a\n  1.1- b\n"
    )
    assert heard.told[:2] == [("listed", "one", "2"), ("listed", "two", "1")]
    assert Journal(settings.journal).versions("one") == set()
    before = text_of(tmp_path, "one")
    index.asked[:] = []
    assert run(settings, "one", "two")[0] == []
    assert all(path.startswith("/simple/") for path in index.asked)
    assert run(settings.replace(again=True), "one")[0][0].written == ("1.0", "1.1")
    assert text_of(tmp_path, "one") == before


def test_one_more_release_changes_its_own_lines_only(tmp_path: Path, index: Served, settings: Settings) -> None:
    release(index, "one", "1.0", "a = 1\nb = 2")
    run(settings, "one")
    before = text_of(tmp_path, "one").splitlines()
    release(index, "one", "1.1", "a = 1", "2024-03-03")
    (outcome,), _ = run(settings, "one")
    assert outcome.written == ("1.1",)
    after = text_of(tmp_path, "one").splitlines()
    assert [line for line in after if line not in before] == ["  1.1 2024-03-03", "  1.0-1.0 b", "  1.0- . a"]


def test_what_was_fetched_is_read_again_without_the_index(tmp_path: Path, index: Served, settings: Settings) -> None:
    for number in range(6):
        release(index, "one", f"1.{number}", f"a{number} = 1")
    run(settings, "one")
    assert Store(settings.store).versions("one") == [f"1.{number}" for number in range(6)]
    first = text_of(tmp_path, "one")
    index.asked[:] = []
    (outcome,), _ = run(settings.replace(index="", texts=Texts(str(tmp_path / "atlas2"))), "one")
    assert index.asked == []
    assert Path(outcome.path).read_text("utf-8") == first


def test_a_day_counts_for_what_is_kept_too(index: Served, settings: Settings) -> None:
    for version, day in {"0.9": "2023-06-01", "1.0": "2024-01-01", "1.1": "2024-05-01"}.items():
        release(index, "one", version, "a = 1", day)
    run(settings, "one")
    found, _ = find_news(["one"], settings.replace(index="", again=True, since="2024-02-01"), Watch())
    assert found[0].versions == ("1.0", "1.1")


def test_what_fails_last_is_heard_before_its_package_is_told(index: Served, settings: Settings) -> None:
    names = [f"p{number}" for number in range(40)]
    for name in names:
        release(index, name, "1", "FAIL = 1")
    outcomes, _ = run(settings, *names)
    assert {outcome.package: len(outcome.failures) for outcome in outcomes} == dict.fromkeys(names, 1)


def test_without_a_store_nothing_is_kept(tmp_path: Path, index: Served, settings: Settings) -> None:
    release(index, "one", "1.0", "a = 1")
    assert run(settings.replace(store=""), "one")[0][0].written == ("1.0",)
    assert not os.path.exists(settings.store)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("FAIL = 1", r"one 1.1: the miner failed with ValueError: no such thing \(pretended.py, line \d+\); please report this"),
        ("REFUSE = 1", "one 1.1: is refused; leave it out"),
        ("DIE = 1", "one 1.1: the process that mined it was killed, .* run this again with --jobs 1"),
    ],
)
def test_a_release_that_fails_stops_no_other(tmp_path: Path, index: Served, settings: Settings, text: str, reason: str) -> None:
    for number in range(3):
        release(index, "one", f"1.{number}", text if number == 1 else "a = 1")
    release(index, "two", "3", "c = 3")
    outcomes, heard = run(settings.replace(jobs=1), "one", "two")
    told = {outcome.package: outcome for outcome in outcomes}
    assert (told["one"].written, told["two"].written) == (("1.0", "1.2"), ("3",))
    (failure,) = told["one"].failures
    assert pytest.importorskip("re").match(reason, failure)
    assert ("failed", "one", "1.1") in heard.told
    assert read_text(text_of(tmp_path, "one")).versions == ("1.0", "1.2")


def test_workers_that_cannot_start_end_the_run(index: Served, settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        release(index, "one", f"1.{number}", "a = 1")
    with pytest.raises(ReleaseError, match="end before they begin"):
        run(settings.replace(miner="tests.miner.nowhere:mine"), "one")


def test_a_package_that_the_index_lacks_is_told_and_the_others_go_on(index: Served, settings: Settings) -> None:
    release(index, "one", "1.0", "a = 1")
    outcomes, _ = run(settings, "nothing", "one")
    assert [(outcome.package, outcome.written) for outcome in outcomes] == [("nothing", ()), ("one", ("1.0",))]
    assert "the index has no such project" in outcomes[0].failures[0]


def test_a_stopped_run_goes_on_where_it_was(index: Served, settings: Settings) -> None:
    for number in range(4):
        release(index, "one", f"1.{number}", "STOP = 1" if number == 2 else "a = 1")
    with pytest.raises(KeyboardInterrupt):
        run(settings.replace(jobs=1), "one")
    mined = Journal(settings.journal).versions("one")
    assert {"1.0", "1.1"} <= mined
    release(index, "one", "1.2", "a = 1")
    Path(Store(settings.store).path("one", "1.2")).unlink()
    (outcome,), heard = run(settings, "one")
    assert outcome.written == ("1.0", "1.1", "1.2", "1.3")
    assert {version for kind, *rest in heard.told if kind == "mined" for version in rest[1:]} == {f"1.{n}" for n in range(4)} - mined


def test_a_release_that_is_withdrawn_later_is_marked_without_being_mined(tmp_path: Path, index: Served, settings: Settings) -> None:
    release(index, "one", "1.0", "a = 1")
    release(index, "one", "1.1", "a = 1", "2024-02-01")
    run(settings, "one")
    index.yanked = {"1.1"}
    found, _ = find_news(["one"], settings, Watch())
    assert (found[0].versions, found[0].turned) == ((), ("1.1",))
    _, heard = run(settings, "one")
    assert heard.told == [("listed", "one", "0"), ("written", "one")]
    assert "  1.1 2024-02-01 yanked\n" in text_of(tmp_path, "one")
    index.yanked = set()
    run(settings, "one")
    assert "yanked" not in text_of(tmp_path, "one")


def test_releases_before_the_day_do_not_count_but_the_newest_of_them(index: Served, settings: Settings) -> None:
    for version, day in {"0.1": "2021-01-01", "0.2": "2022-01-01", "0.3": "2023-05-01"}.items():
        release(index, "one", version, "a = 1", day)
    found, _ = find_news(["one"], settings, Watch())
    assert found[0].versions == ("0.2", "0.3")
    found, _ = find_news(["one"], settings.replace(since="2020-01-01"), Watch())
    assert found[0].versions == ("0.1", "0.2", "0.3")


def test_a_package_is_split_into_neighbouring_releases() -> None:
    versions = tuple(f"1.{number}" for number in range(100))
    listed = tuple(Release(package="x", version=version, files=(File(filename="f", url="u"),)) for version in versions)
    blocks = blocks_of(News(package="x", versions=versions, listed=listed, mined=versions[:10]), 4)
    assert [version for block in blocks for version in block.versions] == list(versions[10:])
    assert max(len(block.versions) for block in blocks) <= 24
    assert all(tuple(one.version for one in block.listed) == block.versions for block in blocks)
    assert len(blocks_of(News(package="x", versions=versions[:3]), 8)) == 1
    assert blocks_of(News(package="x", versions=versions[:3], mined=versions[:3]), 8) == []


def test_what_another_miner_has_mined_is_not_taken(tmp_path: Path) -> None:
    surface = Surface(package="x", version="1", sections={"offers": {"x": frozenset({".", "\ud800"})}})
    old = Journal(str(tmp_path), "older")
    old.keep(surface)
    new = Journal(str(tmp_path))
    assert (new.versions("x"), old.versions("x"), new.mark) == (set(), {"1"}, miner_mark())
    assert list(old.read("x", ["1"])) == [surface]
    new.forget_others()
    assert old.versions("x") == set()


def test_a_damaged_entry_is_mined_again(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path), "m")
    journal.keep(Surface(package="x", version="1"))
    (tmp_path / "m" / "x" / "1.json.gz").write_bytes(b"\x1f\x8bhalf")
    assert list(journal.read("x", ["1", "2"])) == []
    assert journal.versions("x") == set()
