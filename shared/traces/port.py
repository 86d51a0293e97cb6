"""What is told of a trace, and the port that it is told to. Whoever listens must not hold up or fail a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took from `began` to `ended`. `context` and `parent` are traceparents, `parent` "" for a trace's first.

    `links` are contexts of other traces that have a part in it. `failed` says why, where it came to nothing.
    """

    name: str
    context: str
    parent: str
    began: datetime
    ended: datetime
    kind: Literal["internal", "consumer"] = "internal"
    about: Mapping[str, Value] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    failed: str = ""


class Tracer(Protocol):
    """Takes spans. Where nobody listens (`is_on` False), rows carry no context and no span is made."""

    @property
    def is_on(self) -> bool:
        """Whether somebody listens."""
        ...

    def tell(self, span: Span) -> None:
        """Take a span, at once; never raises, never waits."""
        ...


class Untold:
    """Nobody listens."""

    is_on = False

    def tell(self, span: Span) -> None:
        """Nothing comes of it."""


UNTOLD = Untold()
