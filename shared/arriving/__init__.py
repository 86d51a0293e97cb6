"""What arrives from outside, by who sends it: drops from storage, runs and models from the workspace. `shared/wire.py` is the door."""
