"""Runs in the environment that is judged: the standard library and the traced packages only, nothing of envdoctor."""
