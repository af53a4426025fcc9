"""CPU seconds that mining one release takes, from nothing and after its predecessor.

    python benchmarks/mining.py --store FOLDER trl==1.16.0 transformers==5.23.0 torch==2.15.0

The store is what `envdoctor atlas update --store FOLDER` keeps. Each release is mined in a process of its own, which sees no other
release before (first figure), and again after the release before it in the store (second figure), as an update does it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from envdoctor.miner.mining import mine
from envdoctor.miner.store import Store


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--store", required=True)
    reader.add_argument("--child", help=argparse.SUPPRESS)
    reader.add_argument("releases", nargs="*", metavar="NAME==VERSION")
    words = reader.parse_args()
    if words.child:
        name, _, versions = words.child.partition("==")
        for version in versions.split(","):
            begun = time.process_time()
            surface = mine(Store(words.store).open(name, version))
            seconds = time.process_time() - begun
        print(f"{seconds:.2f} {sum(len(items) for section in surface.sections.values() for items in section.values())}")
        return 0
    print("| release | CPU s alone | CPU s after its predecessor | facts |\n|---|---|---|---|")
    for release in words.releases:
        name, _, version = release.partition("==")
        known = Store(words.store).versions(name)
        place = known.index(version)
        alone, facts = child(words.store, f"{name}=={version}")
        after = child(words.store, f"{name}=={known[place - 1]},{version}")[0] if place else "-"
        print(f"| {name} {version} | {alone} | {after} | {facts} |")
    return 0


def child(store: str, release: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, __file__, "--store", store, "--child", release], capture_output=True, text=True, check=True
    )  # fmt: skip
    seconds, facts = done.stdout.split()
    return seconds, facts


if __name__ == "__main__":
    raise SystemExit(main())
