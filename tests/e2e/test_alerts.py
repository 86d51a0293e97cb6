"""The alerts over the demo's own log: nothing of what it shows wakes anybody, and one line more does."""

from __future__ import annotations

from datetime import timedelta

from shared.watching.alerts import ALERTS
from shared.watching.loglines import Line, read
from tests.e2e.conftest import Demo

OURS = {"drop accepted", "release opened", "release live", "release held", "rolled back", "sweep done"}


def lines(demo: Demo) -> list[Line]:
    """The demo's lines that can be read."""
    return list(read(demo.log.splitlines()))


def test_every_line_of_ours_can_be_read(demo: Demo) -> None:
    told = lines(demo)
    assert {line.what for line in told} >= OURS
    assert all(line.fields.get("model") == "diabetes" for line in told if line.what == "release live")


def test_the_demo_wakes_nobody(demo: Demo) -> None:
    told = lines(demo)
    assert [alert.name for alert in ALERTS if alert.fires(told, told[-1].at)] == []


def test_a_line_of_its_ledger_among_them_would(demo: Demo) -> None:
    told = lines(demo)
    dead = Line(told[-1].at, "ERROR", "command set aside", {"release": "diabetes-0002", "model": "diabetes"})
    assert [alert.name for alert in ALERTS if alert.fires([*told, dead], dead.at)] == ["dead-letter"]
    later = told[-1].at + timedelta(hours=1)
    assert [alert.name for alert in ALERTS if alert.fires(told, later)] == ["silent-sweep"]
