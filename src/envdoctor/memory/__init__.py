"""What a run will need on a card: shape of the model and arguments in, bytes by category out. Pure arithmetic; nothing is read here.

`shape.py` reads a configuration, `run.py` says what is asked, `tape.py`, `ops.py`, `layers.py` and `experts.py` follow a step through
the modelling code in sizes alone, `optimizers.py` adds the states, `allocator.py` replays all of it, and `forecast.py` puts it together.
"""
