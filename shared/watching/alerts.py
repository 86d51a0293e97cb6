"""What wakes somebody, as records: each names its rule over log lines, how grave it is, and the runbook's section.

A rule has two readings of the same record: `found` over lines that were read (`loglines.py`), and `kql` over the table
`AppTraces` of Log Analytics, into which the Functions host forwards the messages as they are. `infra/alerts.json` and
`infra/workbook.json` are written from here by `python -m tests.alerts`; `baton alerts` reads a log file.

Nothing here is sent to anybody: Azure Monitor does that, and on a laptop `baton alerts` answers whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from shared.watching.loglines import Line

ENDED = ("live", "held", "rejected", "expired", "superseded", "rolled back", "failed")
NAMED = ("model", "release")


class Rule(Protocol):
    """When an alert fires."""

    @property
    def fires_below_one(self) -> bool:
        """Whether it is silence that fires, not a row."""
        ...

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences that it reads."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that it needs, beside those that only tell what it was about."""
        ...

    def found(self, lines: list[Line]) -> list[Line]:
        """The lines within the window that count; the last of them, where only their share counts."""
        ...

    def kql(self) -> list[str]:
        """The same as a query's stages, after those that pick the table and the window."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """One of these sentences was logged."""

    sentences: tuple[str, ...]
    fires_below_one: ClassVar[bool] = False
    fields: ClassVar[tuple[str, ...]] = ()

    def found(self, lines: list[Line]) -> list[Line]:
        """Each of them."""
        return [line for line in lines if line.what in self.sentences]

    def kql(self) -> list[str]:
        """Sentences by their beginning, up to the two spaces before the fields."""
        return [_where(self.sentences), *_telling()]


@dataclass(frozen=True, slots=True)
class Silent:
    """This sentence, which is logged again and again while all is well, was not logged."""

    sentence: str
    fires_below_one: ClassVar[bool] = True
    fields: ClassVar[tuple[str, ...]] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The one."""
        return (self.sentence,)

    def found(self, lines: list[Line]) -> list[Line]:
        """The signs of life."""
        return [line for line in lines if line.what == self.sentence]

    def kql(self) -> list[str]:
        """As `Said`; it is the alert's threshold that turns it round."""
        return [_where(self.sentences), *_telling()]


@dataclass(frozen=True, slots=True)
class Above:
    """A line of this sentence has a number above the limit."""

    sentence: str
    field: str
    limit: float
    fires_below_one: ClassVar[bool] = False

    @property
    def sentences(self) -> tuple[str, ...]:
        """The one."""
        return (self.sentence,)

    @property
    def fields(self) -> tuple[str, ...]:
        """The number's name."""
        return (self.field,)

    def found(self, lines: list[Line]) -> list[Line]:
        """Those above it. A line without the number counts too: what cannot be read is not well."""
        mine = [line for line in lines if line.what == self.sentence]
        return [line for line in mine if (number := line.number(self.field)) is None or number > self.limit]

    def kql(self) -> list[str]:
        """The number cut out of the message."""
        cut = f'todouble(extract(" {self.field}=([-0-9.e+]+)", 1, Message))'
        above = f"where isnull({self.field}) or {self.field} > {self.limit:g}"
        return [_where(self.sentences), f"extend {self.field} = {cut}", above, *_telling()]


@dataclass(frozen=True, slots=True)
class Share:
    """Of all lines with one of these endings more than the share had a bad one, once there are enough of them."""

    bad: str
    all: tuple[str, ...]
    limit: float
    at_least: int
    fires_below_one: ClassVar[bool] = False
    fields: ClassVar[tuple[str, ...]] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """All endings."""
        return self.all

    def found(self, lines: list[Line]) -> list[Line]:
        """The last bad one, if there are too many."""
        ended = [line for line in lines if line.what in self.all]
        bad = [line for line in ended if line.what == self.bad]
        return bad[-1:] if len(ended) >= self.at_least and len(bad) > self.limit * len(ended) else []

    def kql(self) -> list[str]:
        """One row or none."""
        counted = (
            f'bad = countif(Message startswith_cs "{self.bad}  "), ended = count(), TimeGenerated = max(TimeGenerated)'
        )
        return [
            _where(self.all),
            f"summarize {counted}",
            f"where ended >= {self.at_least} and bad > {self.limit:g} * ended",
        ]


def _where(sentences: Iterable[str]) -> str:
    return "where " + " or ".join(f'Message startswith_cs "{sentence}  "' for sentence in sentences)


def _telling() -> list[str]:
    cut = ", ".join(f'{name} = extract(" {name}=([^ ]+)", 1, Message)' for name in NAMED)
    return [f"extend {cut}", f"project TimeGenerated, {', '.join(NAMED)}, Message"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `severity` is Azure Monitor's: 0 critical, 1 error, 2 warning. `next` is where the runbook tells more.

    It looks back `window_minutes` every `every_minutes`; both are values that Azure Monitor takes.
    """

    name: str
    severity: int
    says: str
    rule: Rule
    next: str
    window_minutes: int = 15
    every_minutes: int = 15

    def found(self, lines: Iterable[Line], now: datetime) -> list[Line]:
        """The lines that its rule counts, among those of the window before now."""
        since = now - timedelta(minutes=self.window_minutes)
        return self.rule.found([line for line in lines if since < line.at <= now])

    def fires(self, lines: Iterable[Line], now: datetime) -> bool:
        """Whether somebody should be woken now."""
        return bool(self.found(lines, now)) != self.rule.fires_below_one

    @property
    def kql(self) -> str:
        """The query, with its window in it so that a person can paste it."""
        window = f"where TimeGenerated > ago({self.window_minutes}m)"
        return "\n| ".join(["AppTraces", window, *self.rule.kql()])


ALERTS: tuple[Alert, ...] = (
    Alert(
        "traffic-not-given-back",
        0,
        "traffic that was to be taken back still goes to the version",
        Said(("traffic not yet given back", "roll-back gave up")),
        "docs/runbook.md#set-traffic",
        every_minutes=5,
    ),
    Alert(
        "forged-decision",
        0,
        "a decision without our signature was refused",
        Said(("decision refused",)),
        "docs/runbook.md#forged-decision",
        every_minutes=5,
    ),
    Alert(
        "poison",
        1,
        "a model cannot be advanced: its ring failed five times",
        Said(("model cannot be advanced", "poison not recorded", "head not readable")),
        "docs/runbook.md#poison",
        every_minutes=5,
    ),
    Alert(
        "silent-sweep",
        1,
        "no sweep went through: functions are down, or the timer is",
        Silent("sweep done"),
        "docs/runbook.md#silent-sweep",
        window_minutes=30,
        every_minutes=5,
    ),
    Alert(
        "stuck",
        1,
        "a model's time has come and nobody decides on it",
        Above("model does not move", "overdue_minutes", 10),
        "docs/runbook.md#stuck",
    ),
    Alert(
        "dead-letter",
        2,
        "an event, a command or a row was set aside",
        Said(("event set aside", "command set aside", "row set aside")),
        "docs/runbook.md#dead-letters",
    ),
    Alert(
        "undelivered",
        2,
        "Event Grid could not deliver events",
        Said(("events could not be delivered",)),
        "docs/runbook.md#deadletter",
    ),
    Alert(
        "expected-data",
        2,
        "data that a schedule expects did not come",
        Said(("expected data missing",)),
        "docs/runbook.md#expected-data",
        window_minutes=60,
        every_minutes=60,
    ),
    Alert(
        "silent-monitor",
        2,
        "a drift monitor gave no sign of life",
        Said(("monitor silent",)),
        "docs/runbook.md#silent-monitor",
        window_minutes=60,
        every_minutes=60,
    ),
    Alert(
        "approval-expires",
        2,
        "a release expires in less than four hours unless somebody decides",
        Said(("approval about to expire",)),
        "docs/runbook.md#approval-expires",
    ),
    Alert(
        "certificate-expires",
        2,
        "the certificate of a version that serves expires soon, or does not hold any more",
        Said(("certificate about to expire", "certificate no longer holds")),
        "docs/runbook.md#certificate-expires",
    ),
    Alert(
        "error-budget",
        2,
        "more than one release in ten that ended in a day has failed",
        Share("release failed", tuple(f"release {end}" for end in ENDED), 0.1, 10),
        "docs/runbook.md#error-budget",
        window_minutes=1440,
        every_minutes=60,
    ),
    Alert(
        "spend",
        2,
        "a model has used more than four fifths of a budget of minutes or money",
        Above("budget nearly used", "share", 0.8),
        "docs/runbook.md#spend",
        window_minutes=60,
        every_minutes=60,
    ),
)
