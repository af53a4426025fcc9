"""Listings put together."""

from __future__ import annotations

from envdoctor.model.listing import Listing, Requirement, joined


def test_joined_listings_keep_who_needs_whom() -> None:
    plain = Listing(kind="requirements.txt", requirements=(Requirement(name="numpy"),), complete=False, problems=("one",), path="r.txt")
    graph = (Requirement(name="torch", required_by=((-1, ""),)), Requirement(name="triton", required_by=((0, "x"),)))
    lock = Listing(kind="uv.lock", requirements=graph, complete=True, problems=("two",))
    both = joined([plain, lock])
    assert [one.name for one in both.requirements] == ["numpy", "torch", "triton"]
    assert both.requirements[1].required_by == ((-1, ""),)
    assert both.requirements[2].required_by == ((1, "x"),)
    assert (both.complete, both.problems, both.path) == (False, ("one", "two"), "r.txt")
    assert joined([lock]) is lock
