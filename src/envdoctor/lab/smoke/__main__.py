"""Exercises the installed fine-tuning stack on the CPU: `python FOLDER imports|train OUT.json`, rewritten after every stage."""

from __future__ import annotations

import logging
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main() -> None:
    """Run the stages of one program in this process."""
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != HERE]
    sys.path.insert(0, HERE)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # not into the folder of whoever runs the lab
    import stages

    program, out = sys.argv[1], os.path.abspath(sys.argv[2])
    if program == "imports":
        import importing as table
    else:
        import training as table
    sys.dont_write_bytecode = writes
    sys.path.remove(HERE)  # nothing of this folder may stand in the way of a library's own import
    os.environ.update(stages.QUIET)
    bench = stages.Bench(out)
    os.environ["HF_HOME"] = os.path.join(bench.folder, "hf")
    os.chdir(bench.folder)
    logging.getLogger().setLevel(logging.WARNING)
    for name, wanted, work in table.STAGES:
        if wanted(bench):
            bench.stage(name, work)
    bench.results["_modules"] = {"ok": True, "value": stages.installed_modules()}
    bench.results["_done"] = {"ok": True}
    bench.save()
    shutil.rmtree(bench.folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
