"""Reading `model.yaml` into the spec of `shared/spec.py`: every fault at once, with its line and what would be right."""
