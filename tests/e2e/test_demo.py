"""What the demo left behind, asked of the real parts: the ledger, the endpoint, MLflow, the storage."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from local.client import Client
from shared import wiring
from shared.journaling import journal
from shared.journaling.rebuild import rebuild
from tests.e2e.conftest import Demo

STORY = {
    "diabetes-0001": "replaced",
    "diabetes-0002": "rolled back",
    "diabetes-0003": "held",
    "diabetes-0004": "held",
    "diabetes-0005": "held",
}


@pytest.fixture(scope="session")
def app(demo: Demo) -> wiring.App:
    """The demo's own storage and platform, opened a second time."""
    return wiring.build(demo.env)


def test_the_story_ends_in_five_lines_with_dashboard_and_report(demo: Demo) -> None:
    told = demo.told.split("What happened:")[1]
    assert [line.split(".")[0].strip() for line in told.splitlines()[1:6]] == ["1", "2", "3", "4", "5"]
    assert "Dashboard: http://127.0.0.1:" in told
    assert (demo.home / "report.html").is_file()


def test_every_release_ended_as_told(app: wiring.App) -> None:
    opened = app.book.read("diabetes").releases.values()
    states = {release.id: release.state for release in [*opened, *app.book.ended("diabetes")]}
    assert {release: states[release] for release in STORY} == STORY


def test_the_endpoint_serves_what_the_ledger_calls_champion(demo: Demo, app: wiring.App) -> None:
    champion = app.book.head("diabetes").champion  # type: ignore[union-attr]
    answer = Client(demo.env, "operations").score("diabetes", '{"data": []}')
    assert champion is not None
    assert answer.version == champion.version == "1"


def test_each_run_and_version_came_to_be_once(demo: Demo, app: wiring.App) -> None:
    versions = app.parts.registry.versions("diabetes")
    assert len({version.tags.get("baton.run_id", version.version) for version in versions}) == len(versions)
    runs = sorted(path.name for path in (demo.home / "runs").iterdir() if path.name.startswith("diabetes-0002"))
    assert runs == ["diabetes-0002-c-1", "diabetes-0002-j-1", "diabetes-0002-t-1"]


def test_the_journal_chains_and_rebuilds_the_stored_rows(app: wiring.App) -> None:
    stored = app.book.read("diabetes")  # first: the demo's system still runs, and may write a line in between
    lines = app.book.journal("diabetes", limit=5000)
    assert journal.first_break(lines) is None
    head, opened, _ = rebuild("diabetes", lines[: stored.head.next_line - 1], app.parts.rules)  # type: ignore[union-attr]
    assert head == replace(stored.head, wake_at=None)  # type: ignore[type-var]
    assert opened == dict(stored.releases)


def test_the_quarantined_file_has_its_report_beside_it(app: wiring.App) -> None:
    names = list(app.blobs.names("quarantine", "diabetes/"))
    report = next(name for name in names if name.endswith("report.json"))
    found = json.loads(app.blobs.read("quarantine", report))
    named = {(problem["column"], tuple(problem["rows"])) for problem in found["problems"]}
    assert ("AGE", ()) in named
    assert ("BMI", (3, 7, 8)) in named
    assert any("patients-broken.csv" in name for name in names)


def test_the_approver_was_asked_and_nothing_is_dead(demo: Demo, app: wiring.App) -> None:
    told = [json.loads(path.read_text())["what"] for path in (demo.home / "notices").glob("*.json")]
    assert told.count("approval asked") == 2
    assert app.book.dead("diabetes") == []
