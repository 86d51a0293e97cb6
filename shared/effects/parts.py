"""What effects are given: the ports, the clock, and the published folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.certificates.signing import Signer
from shared.data.verdict import Verdict
from shared.journaling.archive import Archive
from shared.ledger import Ledger
from shared.notify import Notifier
from shared.platforms.port import Endpoints, Registry, Trainer
from shared.spec import Spec
from shared.state import Command
from shared.storage.port import Blobs

Checker = Callable[[Path, Path], Verdict]


@dataclass(frozen=True, slots=True)
class Later:
    """The answer is not there yet: ask again `after` this long. Not a failure."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that an effect may use. `check` reads a file and a contract, apart from this process,
    and may leave the file's profile beside it."""

    book: Ledger
    archive: Archive
    blobs: Blobs
    trainer: Trainer
    registry: Registry
    endpoints: Endpoints
    notifier: Notifier
    signer: Signer
    rules: Callable[[str, str], Spec]
    check: Checker
    clock: Callable[[], datetime]
    url: str
    inline_limit: int

    def stamp(self, model: str, command: Command) -> dict[str, Any]:
        """The fields that every outcome carries."""
        return {"id": f"{model}:{command.number}", "at": self.clock(), "command": command.number}
