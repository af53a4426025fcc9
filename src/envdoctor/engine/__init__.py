"""Pure: a Snapshot and a rule book in, a Report out. No file, process, clock or environment variable is touched here."""
