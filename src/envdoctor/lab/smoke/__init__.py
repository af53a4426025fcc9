"""Exercises an environment stage by stage, in its own Python (3.9 or newer). Imports nothing of envdoctor."""
