"""Reads released files, never imports them, and says what a release offers and what it needs of others."""
