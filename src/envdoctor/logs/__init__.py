"""Logs of training runs: what they raise, which rules know the text, and what follows. Pure: lines in, records out."""
