"""Questions about decisions at the command line: why nothing newer serves, what differs, what another policy would have done."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from cli.diffing import differences
from tests.integration.command_line import CommandLine

LIVE, HELD = "wine-0001", "wine-0002"


def test_why_not_names_what_stopped_the_attempt_with_rule_numbers_event_and_what_would_pass(baton: CommandLine) -> None:
    told = baton("why-not", "wine").out.splitlines()
    assert told[0].startswith("wine: version 1 serves since ")
    stopped = next(line for line in told if f"{HELD} held" in line)
    assert all(word in stopped for word in ("min_gain", "lower bound", "must be above 0", "rule ", "event "))
    assert "would pass with: a gain whose lower bound is above 0" in told[told.index(stopped) + 1]


def test_two_releases_are_told_apart_by_data_evidence_decision_and_end(baton: CommandLine) -> None:
    told = baton("diff", LIVE, HELD).out.splitlines()
    assert told[0].split() == [LIVE, HELD]
    rows = {line.split()[1]: line.split() for line in told[1:]}
    assert rows["files"][-2:] == ["1", "2"]
    assert rows["state"][-2:] == ["live", "held"]
    assert {line.split()[0] for line in told[1:]} >= {"data", "evidence", "end"}
    found = baton("diff", LIVE, HELD, "--json").json
    assert {"part": "end", "entry": "state", LIVE: "live", HELD: "held"} in found


def test_a_release_does_not_differ_from_itself(baton: CommandLine) -> None:
    assert baton("diff", HELD, HELD).out == f"{HELD} and {HELD} do not differ.\n"


def test_what_names_one_moment_is_no_difference() -> None:
    one = {"evidence_document": {"rows": 80, "at": "then", "slices": [{"slice": "SEX = 1", "gain": 2}]}}
    two = {"evidence_document": {"rows": 80, "at": "now", "slices": [{"slice": "SEX = 1", "gain": 3}]}}
    assert differences(one, two) == [("evidence", "evidence_document.slices.1.gain", 2, 3)]


def test_a_models_history_is_played_through_other_policies_with_a_picture(baton: CommandLine, tmp_path: Path) -> None:
    picture = tmp_path / "whatif.svg"
    words = ("simulate", "diabetes", "--policy", "recommended", "--history", "--picture", str(picture))
    found = baton(*words, "--price", "2", "--json").json
    (past,) = found["pasts"]
    policies = {one["policy"]: one for one in past["policies"]}
    assert list(policies) == ["as it is", "recommended", "every day", "every drop", "PSI > 0.2"]
    ended = {name: one["trainings"] for name, one in policies.items()}  # the second drop is the journal's last moment
    assert (ended["every drop"], ended["every day"], ended["PSI > 0.2"]) == (1, 0, 0)
    assert all(one["money"] == pytest.approx(2 * one["minutes"], abs=0.2) for one in past["policies"])
    assert {"every drop", "recommended"} <= {
        text.strip() for text in ElementTree.fromstring(picture.read_text()).itertext()
    }
