"""`python -m envdoctor`."""

import sys

try:
    from envdoctor.cli import run

    run()
except KeyboardInterrupt:  # while Python was still importing
    sys.stderr.write("envdoctor: interrupted\n")
    sys.exit(130)
