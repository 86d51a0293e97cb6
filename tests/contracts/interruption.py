"""Ends a call between two lines of chosen source files: what a crash of the caller may leave behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any


class Interrupted(BaseException):
    """The call was ended where the test wanted it."""


def interrupted(call: Callable[[], object], *, at_line: int, files: Collection[str], how: Callable[[], None]) -> bool:
    """Run `call`, and `how` before the `at_line`-th line (from 1) executed in `files`; False if the call ended before it."""
    executed = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal executed
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            executed += 1
            if executed == at_line:
                how()
        return trace

    sys.settrace(trace)
    try:
        call()
    except Interrupted:
        return True
    finally:
        sys.settrace(None)
    return False


def raise_interrupted() -> None:
    """The end of a caller in this process."""
    raise Interrupted
