"""The span of one effect."""

from __future__ import annotations

from datetime import datetime

from shared.errors import BatonError
from shared.state import Command
from shared.table.room import cut
from shared.traces import context
from shared.traces.port import Span, Value


def context_of(command: Command) -> str:
    """The context of one claim of a command, which its outcome carries on; one that is claimed again has another."""
    return context.child(command.trace, f"perform {command.number} {command.claimed_until}")


def span(model: str, command: Command, began: datetime, ended: datetime, error: Exception | None) -> Span:
    """What an effect took, and why it failed."""
    about: dict[str, Value] = {"baton.model": model, "baton.command": command.number, "baton.kind": command.kind}
    about |= {"baton.release": command.release, "baton.tries": command.tries}
    failed = (
        "" if error is None else error.what if isinstance(error, BatonError) else f"{type(error).__name__}: {error}"
    )
    name, own = f"perform {command.kind}", context_of(command)
    return Span(name, own, command.trace, began, ended, about=about, failed=cut(failed))
