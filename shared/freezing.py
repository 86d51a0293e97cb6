"""Freezing everything, and letting it go on: the truth is one row; each model is told by an event of its own.

    freeze:    row in ~system written | `perform` does nothing more, within a second, in whatever process
               each model told        | its deadlines stand still; journalled
    unfreeze:  row in ~system written | `perform` looks at the models again, and they still stand still
               each model told        | deadlines move, and what waited goes on in order; journalled

A crash anywhere in between leaves models untold; the sweep tells them, each once, since the event's identity is the
freeze's number. A model that is published during a freeze is told the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from shared import names
from shared.events import FreezeBegan, FreezeEnded
from shared.intake import Intake
from shared.ledger import Ledger
from shared.state import Head
from shared.table.system import Freeze, System


class Freezer:
    """Begins and ends the freeze, and tells models of it. All of it is safe to repeat."""

    def __init__(self, system: System, book: Ledger, intake: Intake, *, clock: Callable[[], datetime]) -> None:
        self._system = system
        self._book = book
        self._intake = intake
        self._clock = clock

    def freeze(self, identity: str, by: str, why: str) -> Freeze:
        """Freeze everything and tell all models; if it was frozen already, the freeze that holds is told again."""
        begun = self._system.begin(identity, by, why)
        self._tell_all(begun)
        return begun

    def unfreeze(self, identity: str, by: str, why: str) -> Freeze | None:
        """End the freeze and tell all models; None if there never was one."""
        ended = self._system.end(identity, by, why)
        if ended is not None:
            self._tell_all(ended)
        return ended

    def last(self) -> Freeze | None:
        """The freeze that holds, or the last one, as it is now."""
        return self._system.freeze()

    def _tell_all(self, freeze: Freeze) -> None:
        for model in self._book.models():
            if self._book.knows(model):
                self._tell(model, freeze)

    def catch_up(self, model: str, head: Head, freeze: Freeze | None) -> None:
        """Tell a model what it does not know yet of the last freeze, if anything."""
        if freeze is None:
            return
        behind = head.freeze < freeze.number if freeze.holds else head.is_frozen
        if behind:
            self._tell(model, freeze)

    def _tell(self, model: str, freeze: Freeze) -> None:
        now, number = self._clock(), freeze.number
        if freeze.holds:
            identity = names.identity_key("freeze", "begun", str(number))
            self._intake.accept(
                model,
                FreezeBegan(id=identity, at=now, by=freeze.by, why=freeze.why, number=number, since=freeze.since),
            )
        else:
            identity = names.identity_key("freeze", "ended", str(number))
            ended = FreezeEnded(id=identity, at=now, by=freeze.ended_by, why=freeze.ended_why, number=number)
            self._intake.accept(model, ended)
