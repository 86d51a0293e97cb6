"""Two certificates as an auditor reads them: each limit, what was measured then and now, and what became of the verdict. Pure.

The verdicts are those of the gates, each certificate's by the limits that its release began with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.certificates.certificate_rows import Row, verdict_rows
from shared.certificates.certificate_story import ABOUT, ANSWERS, CHECKS, sections
from shared.certificates.check_story import measures_of
from shared.certificates.statement import About
from shared.gating.verdict import Document, at
from shared.spec import CertificateLimits

NOTHING = "nothing"
NOT_ASKED = "not asked"
MEASURED, FILES = "Measured without a limit", "Files of the model"
Fact = tuple[str, str, str, str]
"""Where it stands, its label, and what it was then and is now, in words."""


@dataclass(frozen=True, slots=True)
class Side:
    """One certificate, the limits of the folder that its release began with, and what was signed (None: nobody vouches for it)."""

    certificate: Document
    limits: CertificateLimits
    about: About | None

    @property
    def rows(self) -> tuple[Row, ...]:
        """Its verdicts."""
        return verdict_rows(self.limits, self.certificate)


@dataclass(frozen=True, slots=True)
class Change:
    """One limit in two certificates; `then` or `now` is None where that release was not asked to keep it."""

    label: str
    then: Row | None
    now: Row | None

    @property
    def differs(self) -> bool:
        """Whether limit, measurement or verdict is another."""
        return self.then != self.now

    @property
    def turned(self) -> bool:
        """Whether the verdict is another."""
        return _verdict(self.then) != _verdict(self.now)

    @property
    def limit(self) -> str:
        """The limit, or both."""
        if self.then and self.now:
            return arrow(self.then.limit, self.now.limit)
        return " ".join(row.limit for row in (self.then, self.now) if row) + (
            " (no longer asked)" if self.then else " (not asked before)"
        )

    @property
    def measured(self) -> str:
        """What was measured, with its interval."""
        return arrow(*(_between(row.measured, row.interval) if row else NOTHING for row in (self.then, self.now)))

    @property
    def verdict(self) -> str:
        """Whether the limit is kept, and where it is not now, why."""
        why = f": {self.now.why}" if self.now and self.now.why else ""
        return f"{arrow(_verdict(self.then), _verdict(self.now))}{why}"

    @property
    def told(self) -> str:
        """The change in one line: what, limit, then and now, verdict."""
        return f"{self.label}, must be {self.limit}: {self.measured}; {self.verdict}"


def arrow(then: str, now: str) -> str:
    """
    >>> arrow("2 ms", "3 ms"), arrow("2 ms", "2 ms")
    ('2 ms -> 3 ms', '2 ms')
    """
    return now if then == now else f"{then} -> {now}"


def limit_changes(then: Side, now: Side) -> tuple[Change, ...]:
    """All limits of both, those whose verdict turned first, and those that differ before the others."""
    old, new = ({row.label: row for row in side.rows} for side in (then, now))
    found = [Change(label, old.get(label), new.get(label)) for label in {**new, **old}]
    return tuple(sorted(found, key=lambda one: (not one.turned, not one.differs)))


def fact_changes(then: Side, now: Side) -> tuple[Fact, ...]:
    """What differs beside the limits: measures without one, speed, provenance, and the model's files."""
    judged = {row.label for side in (then, now) for row in side.rows}
    old, new = (_facts(side, judged) for side in (then, now))
    differing = [key for key in {**new, **old} if old.get(key) != new.get(key)]
    facts = [(*key, old.get(key, NOTHING), new.get(key, NOTHING)) for key in differing]
    return (*facts, *_file_changes(then.certificate, now.certificate))


def _facts(side: Side, judged: set[str]) -> dict[tuple[str, str], str]:
    """What a certificate says beside its limits, by heading and label."""
    found = {
        (MEASURED, f"{one.check}: {one.name}".replace("_", " ")): _between(one.value, one.interval)
        for one in measures_of(side.certificate)
    }
    for section in sections(side.certificate, side.about):
        if section.title not in (ABOUT, ANSWERS, CHECKS):
            found |= {(section.title, label): value for label, value in section.facts}
    return {key: value for key, value in found.items() if key[1] not in judged}


def _file_changes(then: Document, now: Document) -> Iterator[Fact]:
    old, new = (_files(one) for one in (then, now))
    for path in sorted({**old, **new}):
        if old.get(path) != new.get(path):
            yield FILES, path, _bytes(old.get(path)), _bytes(new.get(path))


def _files(certificate: Document) -> Mapping[str, object]:
    found = at(certificate, "provenance", "files")
    return found if isinstance(found, Mapping) else {}


def _bytes(sha256: object) -> str:
    return NOTHING if sha256 is None else f"SHA-256 {str(sha256)[:12]}..."


def kept(rows: Sequence[Row]) -> str:
    """How many limits are kept, in words."""
    return f"{sum(row.passed for row in rows)} of {len(rows)} limits kept"


def _between(value: str, interval: str) -> str:
    return f"{value} ({interval})" if interval else value


def _verdict(row: Row | None) -> str:
    if row is None:
        return NOT_ASKED
    return "kept" if row.passed else "not kept"
