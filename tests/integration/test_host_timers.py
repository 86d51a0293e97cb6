"""Timer triggers of the running host; the rules by themselves are in tests/unit/test_host_timers.py."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from tests.integration.hosting import RunningHost, running_host

EVERY_SECOND = {"SAMPLE_SCHEDULE": "* * * * * *"}
HOURLY = {"SAMPLE_SCHEDULE": "0 0 * * * *"}
MISSED = {
    "Last": "2026-01-01T10:00:00+00:00",
    "Next": "2026-01-01T11:00:00+00:00",
    "LastUpdated": "2026-01-01T10:00:00+00:00",
}


def write_status(state: Path, document: dict[str, str]) -> Path:
    path = state / "timers" / "on_tick.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document))
    return path


def is_any(line: dict[str, object]) -> bool:
    return True


def test_a_timer_ticks_on_its_schedule_with_a_fresh_invocation_each(tmp_path: Path, connection: str) -> None:
    with running_host(tmp_path, connection, environment=EVERY_SECOND) as host:
        ticks = host.wait_for("on_tick", is_any, count=3)
    assert len({tick["invocation"] for tick in ticks}) == len(ticks)
    assert not any(tick["past_due"] for tick in ticks)


def test_a_tick_waits_for_the_one_before(tmp_path: Path, connection: str) -> None:
    with running_host(tmp_path, connection, environment=EVERY_SECOND | {"SAMPLE_TICK_SECONDS": "1.3"}) as host:
        host.wait_for("on_tick_end", is_any, count=2)
        text = host.journal_path.read_text()
    order = [json.loads(line)["function"] for line in text.splitlines()]
    assert order[:4] == ["on_tick", "on_tick_end", "on_tick", "on_tick_end"]


def test_an_exception_is_logged_and_the_schedule_goes_on(tmp_path: Path, connection: str) -> None:
    with running_host(tmp_path, connection, environment=EVERY_SECOND | {"SAMPLE_TICK_FAILS": "1"}) as host:
        host.wait_for("on_tick", is_any, count=2)
        assert "RuntimeError: this tick fails" in host.log()


def ticks_after_a_by_hand(host: RunningHost) -> list[bool]:
    """The `past_due` of all ticks, once the host has had time to run one by hand after its start."""
    assert httpx.post(f"{host.url}/admin/functions/on_tick").status_code == 202
    return [bool(tick["past_due"]) for tick in host.journal("on_tick")]


def test_a_missed_run_is_made_up_once(tmp_path: Path, connection: str) -> None:
    state = tmp_path / "state"
    path = write_status(state, MISSED)
    with running_host(tmp_path, connection, environment=HOURLY, state=state) as host:
        host.wait_for("on_tick", lambda line: line["past_due"] is True)
        host.wait_for("on_tick_end", is_any)
        host.end()
    assert json.loads(path.read_text())["Next"] > MISSED["Next"]
    with running_host(tmp_path, connection, environment=HOURLY, state=state) as host:
        assert ticks_after_a_by_hand(host) == [False]


def test_a_first_start_makes_up_nothing_and_remembers_the_next_run(tmp_path: Path, connection: str) -> None:
    state = tmp_path / "state"
    with running_host(tmp_path, connection, environment=HOURLY, state=state) as host:
        assert ticks_after_a_by_hand(host) == [False]
    status = json.loads((state / "timers" / "on_tick.json").read_text())
    assert status["Last"] == "0001-01-01T00:00:00+00:00"
    assert status["Next"].endswith(":00:00+00:00")
