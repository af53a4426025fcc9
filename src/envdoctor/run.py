"""`python -m envdoctor.run train.py ...`: examine, then run a script that nobody may edit. Works under torchrun with `-m` as well."""

from __future__ import annotations

import os
import sys

USAGE = """Usage: python -m envdoctor.run [--for USE] SCRIPT [ARGUMENTS ...]

Examines the environment and the script, and runs the script if they fit. ENVDOCTOR=off skips the examination, ENVDOCTOR=warn only reports.
Under a launcher: torchrun --nproc-per-node 2 -m envdoctor.run train.py ..."""


def main(words: list[str]) -> int:
    """Examine and run; return an exit code only where the script is not run."""
    from envdoctor.hook import preflight
    from envdoctor.model.errors import EnvdoctorError

    use = None
    if words[:1] == ["--for"]:
        if len(words) < 2:
            sys.stderr.write(USAGE + "\n")
            return 2
        use, words = words[1], words[2:]
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return 0 if words else 2
    script = words[0]
    if not os.path.isfile(script):
        sys.stderr.write(f"envdoctor: {script}: there is no such script\n")
        return 2
    try:
        preflight(use=use, script=script)
    except EnvdoctorError as error:
        sys.stderr.write(f"envdoctor: {error}\n")
        return error.exit_code
    import runpy

    sys.argv = words
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
