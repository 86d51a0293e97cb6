"""The person on call has only the log's text; it answers what they ask at night."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from tests.e2e.conftest import Demo

MOST_LINES_A_RELEASE = 25


def _field(line: str, name: str) -> str:
    match = re.search(rf'\b{name}=("(?:[^"\\]|\\.)*"|\S+)', line)
    assert match is not None, f"no {name}= in: {line}"
    return str(json.loads(match[1])) if match[1].startswith('"') else match[1]


def _of(lines: list[str], release: str) -> str:
    return next(line for line in lines if f"release={release} " in line)


@pytest.mark.parametrize(
    ("release", "file"), [("diabetes-0001", "patients-1.csv"), ("diabetes-0002", "patients-2.csv")]
)
def test_it_says_which_file_caused_a_release(demo: Demo, release: str, file: str) -> None:
    opened = _of(demo.lines("release opened"), release)
    accepted = next(line for line in demo.lines("drop accepted") if _field(line, "event") == _field(opened, "event"))
    assert file in _field(accepted, "why")


def test_it_says_why_a_release_was_held(demo: Demo) -> None:
    held = _of(demo.lines("release held"), "diabetes-0003")
    assert _field(held, "rule") == "min_gain"
    assert re.fullmatch(r"min_gain: gain -[\d.]+, lower bound -[\d.]+, must be above 0", _field(held, "why"))


def test_it_says_what_waits_for_whom_and_how_to_answer(demo: Demo) -> None:
    asked = _of(demo.lines("approval asked"), "diabetes-0002")
    assert _field(asked, "why").startswith("operations until 20")
    assert "baton approve diabetes-0002 --why" in _field(asked, "next")


def test_it_says_what_failed_and_what_mends_it(demo: Demo) -> None:
    refused = next(line for line in demo.lines("drop refused") if "WARNING" in line)
    assert "column AGE is missing" in _field(refused, "why")
    assert "baton check diabetes FILE" in _field(refused, "next")


def test_a_release_takes_at_most_25_lines(demo: Demo) -> None:
    lines = [line for line in demo.log.splitlines() if " INFO " in line]
    for number in range(1, 6):
        told = [line for line in lines if f"diabetes-{number:04d}" in line]
        assert len(told) <= MOST_LINES_A_RELEASE, "\n".join(told)


def test_every_line_of_a_release_names_its_model(demo: Demo) -> None:
    told = [line for line in demo.log.splitlines() if "release=diabetes-" in line]
    assert told
    assert all("model=diabetes" in line for line in told)


def _session_cookie(demo: Demo) -> str:
    """The cookie of a person who signs in, looks at a page and leaves."""
    token = next(iter(json.loads((demo.home / "users.json").read_text())))
    site = {"origin": demo.env["BATON_URL"]}
    with httpx.Client(base_url=demo.env["BATON_URL"], headers=site) as browser:
        browser.post("/sign-in", data={"key": token})
        browser.get("/")
        cookie = browser.cookies.get("baton_session")
    assert cookie
    return cookie


def test_no_secret_is_in_any_log(demo: Demo) -> None:
    secrets = [
        demo.env[name] for name in ("BATON_APPROVAL_KEY", "BATON_SIGNING_KEY", "BATON_ROUTER_KEY", "BATON_TOPIC_KEY")
    ]
    secrets += list(json.loads((demo.home / "users.json").read_text()))
    secrets += [re.search(r"AccountKey=([^;]+)", demo.env["BATON_DATA"])[1]]  # type: ignore[index]
    secrets += [value for name, value in demo.env.items() if name.startswith("BATON_") and name.endswith("_KEY")]
    secrets += [_session_cookie(demo)]
    for log in (demo.home / "logs").glob("*.log"):
        text = log.read_text(errors="replace")
        assert not [secret for secret in secrets if secret in text], log.name
