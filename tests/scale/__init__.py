"""A large installation, simulated: `python -m tests.scale` writes docs/scale.md's figures and its picture."""
