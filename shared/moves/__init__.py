"""The transitions of the state machine, by the part of a release's life that they belong to.

Each function takes a `Turn` and one event, changes the turn, and returns its answer. Pure: no I/O,
no clock, no environment.
"""
