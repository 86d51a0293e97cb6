"""The fault of a file that cannot be read as a whole."""

from __future__ import annotations

from shared.data.verdict import Problem


class Unreadable(Exception):
    """The file as a whole cannot be read; `problem` says why."""

    def __init__(self, rule: str, what: str, remedy: str, samples: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.problem = Problem(rule, "", 1, (), samples, what, remedy)
