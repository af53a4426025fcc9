"""Tier B of `envdoctor fit`: a training step of the installed libraries, followed on tensors that have sizes and no values.

`step` runs in the environment that is judged, in a process of its own, and imports nothing of envdoctor; everything else is on this side.
"""
