"""The atlas: what a program read in the files of every release. `text` is its form for people, `compile` the one for machines."""
