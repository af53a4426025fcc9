"""Frozen data that everything else speaks in. No I/O, and nothing beyond the standard library and packaging."""
