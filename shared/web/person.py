"""Somebody who asks, and what they may ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared import names

# The app role of those who may ask for something other than a decision: retrain, roll back, pause, publish, replay...
OPERATOR = "Baton.Operator"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in. `name` is journalled; `roles` are those that the directory gave them.

    On a laptop there is no directory: `roles` is None, and whoever signed in may ask for everything but decisions, which are
    their approvers' everywhere.
    """

    name: str
    roles: frozenset[str] | None = None

    @property
    def may_operate(self) -> bool:
        """Whether this person may ask for what is nobody's decision."""
        return self.roles is None or OPERATOR in self.roles

    def as_one_of(self, approvers: Iterable[str]) -> str:
        """The entry of `approvers` that means this person: their name or object id, or a role; "" if none does.

        >>> Person("operations").as_one_of(["operations"]), Person("ana (1)", frozenset({"risk"})).as_one_of(["ops", "risk"])
        ('operations', 'risk')
        """
        mine = {names.person_key(self.name)} | (self.roles or frozenset())
        return next((entry for entry in approvers if entry in mine), "")

    def is_same_as(self, name: str) -> bool:
        """Whether a journalled name is this person's."""
        return names.person_key(name) == names.person_key(self.name)
