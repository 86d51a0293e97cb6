"""One model in the small: what the ledger says, what waits in the outbox, and what the endpoint serves.

Two moments that differ only in hours, hashes, counts of lines or numbers of ended releases are the same moment
here: `canonical` gives both the same value. That is what makes the set of reachable moments finite.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.state import Head, Release

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AHEAD, LONG_AGO = NOW + timedelta(hours=1), NOW - timedelta(days=2)
MODEL, FOLDER = "m", "f"
Split = tuple[tuple[str, int], ...]
ADOPTED = ("registered", "run")
LAST_TRY = 2  # where two releases are open their runs fail for good: second tries are searched where one is


@dataclass(frozen=True, slots=True, order=True)
class Seen:
    """An effect that is done and not yet told: what was observed, or how the split came out."""

    version: str = ""
    deployment: str = ""
    split: Split = ()
    refused: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Todo:
    """A command of the outbox. `seen` is what its effect may have met and not yet told: every observation since it was sent.

    `old` says that the traffic was moved since.
    """

    kind: str
    release: str = ""
    run: str = ""
    version: str = ""
    purpose: str = ""
    split: Split = ()
    expected: Split = ()
    seen: tuple[Seen, ...] = ()
    old: bool = False


@dataclass(frozen=True, slots=True)
class Small:
    """Everything that decides what can happen next.

    `serving` is the endpoint: deployment, version, percent. `early` are foreign versions that wait for a registration.
    """

    head: Head
    releases: tuple[Release, ...] = ()
    todos: tuple[Todo, ...] = ()
    serving: tuple[tuple[str, str, int], ...] = ()
    early: tuple[str, ...] = ()

    @property
    def split(self) -> Split:
        """Percent by deployment, without those that have none."""
        return tuple((name, share) for name, _, share in self.serving if share)


def begin() -> Small:
    """A model that was published, and nothing else."""
    return Small(Head(MODEL, FOLDER, "author", next_line=2))


def as_split(split: Iterable[tuple[str, int]]) -> Split:
    """A split in one order, without the deployments that have none of it."""
    return tuple(sorted((name, share) for name, share in split if share))
