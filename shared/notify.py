"""Telling people: one small port, and the laptop's adapter, which writes a file they can read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """What a person is told. `id` is stable, so that a message told twice is seen as one.

    `until` is when it is too late, as an ISO time; empty if it never is.
    `to` is who it is for, as model.yaml or the contract names them; empty for the model's owner.
    `journal` is the line and hash (`LINE:HASH`) that the journal ended with when it was decided to tell: a witness of it.
    """

    id: str
    model: str
    release: str
    what: str
    why: str
    next: str
    link: str
    journal: str = ""
    to: str = ""
    until: str = ""


class Notifier(Protocol):
    """Tells people, at least once."""

    def tell(self, message: Message) -> None:
        """Deliver the message, or raise a `Retryable`."""
        ...


class FileNotifier:
    """Messages as files in a folder, one each, named by the message's id: telling twice is telling once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tell(self, message: Message) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"{message.id}.tmp"
        draft.write_text(json.dumps(asdict(message), indent=1))
        draft.replace(self._folder / f"{message.id}.json")
