"""The command line over the whole application in memory: what it tells, what it asks for, how it ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cli.main import COMMANDS
from cli.releases import explained
from tests.integration.command_line import ASKED, HELD, CommandLine
from tests.storybook import serving

ROOT = Path(__file__).resolve().parents[2]


# Help


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_has_help_with_an_example(command: object, tmp_path: Path) -> None:
    name = getattr(command, "name", "")
    ran = CommandLine({"BATON_HOME": str(tmp_path)})(name, "--help")
    assert (ran.code, f"Example:  baton {name}" in ran.out) == (0, True)


def test_the_command_starts_without_anything_heavy() -> None:
    code = "import sys, cli.main; print(*{'azure', 'rich', 'starlette', 'pyarrow', 'numpy', 'local'} & {*sys.modules})"
    fresh = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert fresh.stdout.split() == []


def test_the_help_says_what_exit_codes_mean(tmp_path: Path) -> None:
    ran = CommandLine({"BATON_HOME": str(tmp_path)})("--help")
    assert "2 Baton or the model said no" in ran.out
    assert "3 it took longer than you would wait" in ran.out


def test_a_word_that_is_no_command_is_an_error_and_no_refusal(tmp_path: Path) -> None:
    assert CommandLine({"BATON_HOME": str(tmp_path)})("fly").code == 1


# Finding Baton


def test_without_a_running_baton_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    ran = CommandLine({"BATON_HOME": str(tmp_path)})("status")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines() == [
        "No Baton runs here.",
        "Next: `baton up` in another terminal, or set BATON_URL and BATON_TOKEN.",
    ]


def test_an_address_where_nobody_answers_is_told_without_a_traceback(tmp_path: Path) -> None:
    ran = CommandLine({"BATON_HOME": str(tmp_path)})("status", BATON_URL="http://127.0.0.1:1")
    assert (ran.code, "does not answer" in ran.err, "Next: `baton doctor`" in ran.err) == (1, True, True)


def test_an_address_of_something_else_is_told(tmp_path: Path) -> None:
    def hello(request: Request) -> Response:
        return PlainTextResponse("hello")

    with serving(Starlette(routes=[Route("/{path:path}", hello)])) as url:
        ran = CommandLine({"BATON_HOME": str(tmp_path)})("status", BATON_URL=url)
    assert (ran.code, "is no JSON: 'hello'" in ran.err) == (1, True)


# Telling


def test_status_has_a_line_for_each_model_and_the_command_that_goes_on(baton: CommandLine) -> None:
    ran = baton("status")
    assert ran.out.splitlines() == [
        "churn     failed             nothing serves yet; churn-0001 failed",
        "diabetes  awaiting approval  diabetes-0002 waits for approval by operations",
        "wine      serving            version 1 serves; wine-0002 was held",
        "Next: baton deadletters churn.",
        'Next: baton explain diabetes-0002; then baton approve diabetes-0002 --why "...".',
    ]


def test_status_of_one_model_lists_its_releases_newest_first(baton: CommandLine) -> None:
    lines = baton("status", "wine").out.splitlines()
    assert [line.split()[:2] for line in lines[-2:]] == [["wine-0002", "held"], ["wine-0001", "live"]]


def test_status_of_an_unknown_model_names_the_closest(baton: CommandLine) -> None:
    ran = baton("status", "wein")
    assert (ran.code, ran.err) == (1, "There is no model 'wein'.\nNext: did you mean wine?\n")


def test_a_name_that_is_no_path_reaches_the_api_as_it_is(baton: CommandLine) -> None:
    ran = baton("status", "../releases/x y?z")
    assert (ran.code, ran.out) == (1, "")


def test_explain_tells_rule_number_limit_event_and_actor_of_a_hold(baton: CommandLine) -> None:
    ran = baton("explain", HELD)
    last = ran.out.splitlines()[-1]
    assert (ran.code, ran.out.splitlines()[0]) == (0, "wine-0002 held (opened 2026-03-01 12:05 UTC)")
    assert "release held: min_gain: gain 73.4, lower bound -99.6, must be above 0" in last
    assert re.search(r"\[rule min_gain; gain 73\.4, lower -99\.6, limit 0; by Baton; event wine:\d+\]", last)


def test_explain_ends_with_what_to_do_next(baton: CommandLine) -> None:
    assert baton("explain", ASKED).out.splitlines()[-1].startswith("Next: baton approve diabetes-0002 --why")


def test_a_long_story_is_told_in_at_most_fifteen_lines(baton: CommandLine) -> None:
    found = baton("explain", HELD, "--json").json
    long = [{**found["story"][0], "what": f"step {number}"} for number in range(40)]
    short, whole = (explained(found["release"], long, wants_all=wants_all) for wants_all in (False, True))
    assert (len(short), len(whole)) == (14, 41)  # and one more for the next step
    assert (short[:2], short[-1]) == (whole[:2], whole[-1])
    assert "28 more: baton explain wine-0002 --all" in "\n".join(short)


def test_json_carries_the_whole_story(baton: CommandLine) -> None:
    found = baton("explain", HELD, "--json").json
    assert (found["release"]["state"], found["story"][-1]["numbers"]["limit"]) == ("held", 0.0)
