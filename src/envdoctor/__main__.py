"""`python -m envdoctor`."""

from envdoctor.cli import run

run()
