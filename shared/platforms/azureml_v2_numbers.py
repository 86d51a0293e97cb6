"""Taking a version's number in a workspace of SDK v2, which leaves the choice to the client and refuses a number that is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.errors import PlatformBusy

TAKEN = 5  # numbers in a row that others took first


def take_number(
    model: str,
    known: list[Any],
    *,
    create: Callable[[str], Exception | None],
    mine: Callable[[], Any | None],
    read: Callable[[str], Any | None],
) -> Any:
    """Our version, made under the number after the last one that is known, or after those that others take meanwhile.

    `create` writes under a number and returns the error, if any; `mine` finds what it made, whoever's answer was lost; `read`
    is a version by its number.
    """
    number = max((int(one.version) for one in known), default=0)
    for _ in range(TAKEN):
        number += 1
        refused = create(str(number))
        if found := mine():
            return found
        if refused and read(str(number)) is None:
            raise refused
    raise PlatformBusy(f"others registered {TAKEN} versions of {model} meanwhile.", next="nothing: it is tried again")
