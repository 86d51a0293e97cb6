"""What entries of model.yaml must be beyond their type, as far as many share it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from shared.model_yaml.yaml_record import Requirement

NEVER = "; otherwise the gate can never pass"


def above(least: float) -> Callable[[float], bool]:
    """Whether a value is more than `least`."""
    return lambda value: value > least


def between(least: float, most: float) -> Callable[[float], bool]:
    """Whether a value lies from `least` to `most`."""
    return lambda value: least <= value <= most


def is_inside(path: str) -> bool:
    """Whether a path stays within the folder."""
    return not path.startswith("/") and "\\" not in path and ".." not in PurePosixPath(path).parts


MORE_THAN_0 = Requirement(above(0), "more than 0")
AT_LEAST_0 = Requirement(lambda value: value >= 0, "0 or more")
POSSIBLE = Requirement(above(0), f"more than 0{NEVER}")
