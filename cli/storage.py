"""The ledger's own storage, for commands that must work while nothing else does: by BATON_DATA, or the laptop's stack."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli import address
from cli.address import NotFoundHere
from shared import wiring


def keeper() -> wiring.Keeper:
    """Reads and mends the ledger past the running app. Storage must answer; functions, pages and platform need not."""
    return wiring.keeper(connection(), clock=now)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def connection() -> str:
    """BATON_DATA, else that of the stack that was last started here, whether or not its other parts still run."""
    found = os.environ.get("BATON_DATA") or _of_the_stack().get("env", {}).get("BATON_DATA", "")
    if not found:
        raise NotFoundHere(
            "No ledger is known here.", next="`baton up`, or set BATON_DATA to the data account's connection"
        )
    return str(found)


def _of_the_stack() -> dict[str, Any]:
    file = address.home() / "stack.json"
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found


def notices() -> Path:
    """Where the laptop's messages to people stand."""
    return address.home() / "notices"
