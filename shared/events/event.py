"""What all events have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Common to all: `id` is the identity (content, not delivery), `at` when it happened or arrived.

    `trace` is the context of what brought it, a traceparent (`shared/traces`); "" where nobody listens, and then not stored.
    """

    id: str
    at: datetime
    trace: str = ""
    family: ClassVar[str] = ""
