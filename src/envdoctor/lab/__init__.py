"""Installs sets of versions in throw-away environments, runs them, and writes down what happened. Never judges with the rule book."""
