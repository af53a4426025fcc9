"""The rule book: loaded, checked, compiled and documented. Facts mined from releases (the atlas) live beside it."""
