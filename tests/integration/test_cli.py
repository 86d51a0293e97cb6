"""The command line over the whole application in memory: what it tells, what it asks for, how it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cli.main import COMMANDS
from cli.releases import explained
from shared import events
from shared.web.site import site
from tests.integration.command_line import CommandLine
from tests.storybook import serving, tell, world_with_users
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]
ASKED, HELD, FAILED = "diabetes-0002", "wine-0002", "churn-0001"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The storybook's three models: one waits for approval, one was held, one failed."""
    made = world_with_users(tmp_path)
    tell(made)
    return made


@pytest.fixture
def baton(world: World, tmp_path: Path) -> Iterator[CommandLine]:
    """A terminal that finds the story's Baton by its environment."""
    with serving(site(world.app)) as url:
        users = str(tmp_path / "users.json")
        yield CommandLine({"BATON_URL": url, "BATON_USERS": users, "BATON_HOME": str(tmp_path)})


def inbox(world: World, model: str = "diabetes") -> list[events.Event]:
    return [waiting.event for waiting in world.app.book.read(model).inbox]


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


def test_a_dead_letter_comes_with_the_command_that_mends_it(baton: CommandLine) -> None:
    ran = baton("deadletters", "churn")
    assert "churn-0001: command start_run set aside after 5 tries: the platform does not answer" in ran.out
    assert "Next: baton retry churn-0001 --why" in ran.out


def test_a_dead_letter_is_shown_with_all_that_is_kept_of_it(baton: CommandLine) -> None:
    assert baton("deadletters", "list", "churn", "--json").json == baton("deadletters", "churn", "--json").json
    (letter,) = baton("deadletters", "--json").json
    shown = baton("deadletters", "show", letter["id"])
    assert letter["id"].startswith("churn/command-")
    assert '"kind": "start_run"' in shown.out
    assert baton("deadletters", "show", letter["id"], "--json").json["content"]["command"]["kind"] == "start_run"


def test_a_dry_run_says_what_would_happen_and_does_nothing(baton: CommandLine) -> None:
    (letter,) = baton("deadletters", "churn", "--json").json
    tried = baton("deadletters", "replay", letter["id"], "--dry-run")
    assert "Nothing was done." in tried.out
    assert "ReplayRequested stale: churn-0001 has ended" in tried.out
    assert "baton retry churn-0001 --why" in tried.out
    assert baton("deadletters", "churn", "--json").json == [letter]


def test_a_replay_needs_a_reason(baton: CommandLine) -> None:
    ran = baton("deadletters", "replay", "churn/command-1")
    assert (ran.code, "--why is missing" in ran.err) == (1, True)


@pytest.mark.parametrize("key", ["churn", "/", "churn/"])
def test_what_is_no_key_is_refused_with_the_way_to_find_one(baton: CommandLine, key: str) -> None:
    ran = baton("deadletters", "show", key)
    assert (ran.code, "is no key of a dead letter" in ran.err, "`baton deadletters`" in ran.err) == (1, True, True)


def test_a_discarded_letter_is_recorded_in_the_name_of_who_asked(baton: CommandLine) -> None:
    (letter,) = baton("deadletters", "churn", "--json").json
    done = baton("deadletters", "discard", letter["id"], "--why", "retried by hand", "--json")
    assert (done.code, done.json["new"]) == (0, True)


def test_no_dead_letters_are_said_aloud(baton: CommandLine) -> None:
    assert baton("deadletters", "wine").out == "There are no dead letters.\n"


# Asking


def test_an_approval_is_recorded_under_the_name_of_who_gives_it(baton: CommandLine, world: World) -> None:
    ran = baton("approve", ASKED, "--why", "better everywhere")
    found = inbox(world)[0]
    assert isinstance(found, events.ApprovalGiven)
    assert (ran.code, found.by, found.why, found.approve) == (0, "operations", "better everywhere", True)


def test_an_approved_release_rolls_out(baton: CommandLine, world: World) -> None:
    baton("approve", ASKED, "--why", "better everywhere")
    world.settle("diabetes")
    assert world.release(ASKED).state == "rolling out"


@pytest.mark.parametrize("user", ["author", "guest"])
def test_who_may_not_approve_is_told_no_with_code_2(baton: CommandLine, world: World, user: str) -> None:
    ran = baton("approve", ASKED, "--why", "mine", "--as", user)
    assert (ran.code, inbox(world), "Next: ask an approver: operations." in ran.err) == (2, [], True)


def test_what_does_not_wait_cannot_be_approved(baton: CommandLine) -> None:
    ran = baton("approve", HELD, "--why", "still good")
    assert (ran.code, ran.err.splitlines()[0]) == (2, "wine-0002 does not wait for approval: it is held.")


def test_nobody_decides_without_a_reason(baton: CommandLine, world: World) -> None:
    assert (baton("approve", ASKED).code, baton("approve", ASKED, "--why", " ").code) == (1, 1)
    assert inbox(world) == []


def test_the_environment_may_name_the_user(baton: CommandLine, world: World) -> None:
    baton("retrain", "diabetes", "--why", "new rows", BATON_USER="guest")
    assert [event.by for event in inbox(world) if isinstance(event, events.PersonEvent)] == ["guest"]


def test_a_token_of_the_environment_says_who_asks(baton: CommandLine, world: World) -> None:
    baton("retrain", "diabetes", "--why", "new rows", BATON_TOKEN="author-key")
    assert [event.by for event in inbox(world) if isinstance(event, events.PersonEvent)] == ["author"]


def test_an_unknown_user_is_told_who_there_is(baton: CommandLine) -> None:
    ran = baton("retrain", "diabetes", "--why", "x", "--as", "nobody")
    assert (ran.code, "use --as with one of author, guest, operations" in ran.err) == (1, True)


def test_a_wrong_token_is_an_error(baton: CommandLine, world: World) -> None:
    ran = baton("retrain", "diabetes", "--why", "x", BATON_TOKEN="stolen")
    assert (ran.code, inbox(world)) == (1, [])


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("retrain", events.RetrainRequested),
        ("rollback", events.RollbackRequested),
        ("pause", events.PauseRequested),
        ("resume", events.ResumeRequested),
    ],
)
def test_what_is_asked_of_a_model_is_recorded_once(
    baton: CommandLine, world: World, action: str, kind: type[events.PersonEvent]
) -> None:
    ran = baton(action, "wine", "--why", "because", "--json")
    found = inbox(world, "wine")
    assert ([type(event) for event in found], [event.id for event in found]) == ([kind], [ran.json["event"]])


def test_a_rejection_and_a_retry_reach_the_release(baton: CommandLine, world: World) -> None:
    baton("reject", ASKED, "--why", "not now")
    world.settle("diabetes")
    ran = baton("retry", ASKED, "--why", "now it is time")
    assert (world.release(ASKED).state, ran.code, type(inbox(world)[0])) == ("rejected", 0, events.RetryRequested)


# Scoring


def _router(request: Request) -> Response:
    model = request.path_params["model"]
    if model == "ghost":
        return JSONResponse({"error": "there is no endpoint 'ghost'", "next": "use one of: m"}, 404)
    if model == "picky":
        return JSONResponse({"error": "row 1 lacks AGE"}, 400)
    pinned = request.headers.get("azureml-model-deployment", "")
    headers = {"x-baton-version": "3", "x-baton-deployment": pinned or "m-0007"}
    return JSONResponse({"predictions": [151.5]}, headers=headers)


@pytest.fixture
def scoring(tmp_path: Path) -> Iterator[CommandLine]:
    """A terminal whose router answers as the real one does: a version, no endpoint, or the model's refusal."""
    routes = [Route("/endpoints/{model}/score", _router, methods=["POST"])]
    with serving(Starlette(routes=routes)) as url:
        yield CommandLine({"BATON_URL": url, "BATON_ROUTER": url, "BATON_HOME": str(tmp_path)})


def test_scoring_prints_the_answer_and_which_version_gave_it(scoring: CommandLine) -> None:
    ran = scoring("score", "m", "-", stdin='{"data": [{"X": 1}]}')
    assert (ran.code, json.loads(ran.out)) == (0, {"predictions": [151.5]})
    assert ran.err == "version 3, deployment m-0007\n"


def test_scoring_may_be_pinned_to_a_deployment(scoring: CommandLine) -> None:
    ran = scoring("score", "m", "-", "--deployment", "m-0008", "--json", stdin="{}")
    assert ran.json == {"version": "3", "deployment": "m-0008", "answer": {"predictions": [151.5]}}


def test_a_request_that_the_model_refuses_is_no_failure_of_baton(scoring: CommandLine) -> None:
    ran = scoring("score", "picky", "-", stdin="{}")
    assert (ran.code, "row 1 lacks AGE" in ran.err) == (2, True)


def test_scoring_without_an_endpoint_says_which_there_are(scoring: CommandLine) -> None:
    ran = scoring("score", "ghost", "-", stdin="{}")
    assert (ran.code, ran.err.splitlines()[1]) == (1, "Next: use one of: m.")


# Logs


def test_logs_are_those_of_the_release_and_of_its_runs(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    lines = "staged release=m-0001\nstaged release=m-00012\nstaged release=am-0001\nrun=m-0001-t-1 ended\n"
    (tmp_path / "logs" / "host.log").write_text(lines)
    run = tmp_path / "runs" / "m-0001-t-1"
    run.mkdir(parents=True)
    (run / "log.txt").write_text("epoch 1\n")
    ran = CommandLine({"BATON_HOME": str(tmp_path)})("logs", "m-0001", "--json")
    assert ran.json == {
        "logs/host.log": ["staged release=m-0001", "run=m-0001-t-1 ended"],
        "runs/m-0001-t-1/log.txt": ["epoch 1"],
    }


def test_a_release_that_no_log_names_is_an_error(tmp_path: Path) -> None:
    ran = CommandLine({"BATON_HOME": str(tmp_path)})("logs", "m-0001")
    assert (ran.code, "Next: baton explain m-0001; baton status." in ran.err) == (1, True)


def test_the_event_that_is_told_is_the_one_that_is_recorded(baton: CommandLine, world: World) -> None:
    ran = baton("retrain", "wine", "--why", "x")
    assert inbox(world, "wine")[0].id[:16] in ran.out


# Alerts


def test_alerts_of_a_log_are_told_with_the_section_that_says_what_to_do(tmp_path: Path) -> None:
    log = tmp_path / "host.log"
    log.write_text(
        "2026-03-01T09:00:00.000Z INFO  sweep done  models=1 rung=1\n"
        '2026-03-01T09:00:01.000Z ERROR command set aside  release=m-0001 model=m next="baton doctor"\n'
    )
    ran = CommandLine({"BATON_HOME": str(tmp_path)})("alerts", str(log), "--at", "2026-03-01T09:10:00")
    assert ran.code == 2
    fired = [line for line in ran.out.splitlines() if line.startswith("error")]
    assert [line.split()[1] for line in fired] == ["dead-letter"]
    assert "Next: docs/runbook.md#dead-letters." in ran.out


def test_alerts_without_a_log_say_how_to_get_one(tmp_path: Path) -> None:
    ran = CommandLine({"BATON_HOME": str(tmp_path)})("alerts")
    assert (ran.code, "there is no log" in ran.err, "Next: baton up" in ran.err) == (1, True, True)


# Traces


def test_a_release_is_one_trace_whose_spans_are_its_states_in_order(baton: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    ran = baton("trace", "wine-0001", "--out", str(file))
    assert (ran.code, "spans of trace" in ran.out) == (0, True)
    whole, *states = [json.loads(line) for line in file.read_text().splitlines()]
    names = ["training", "judging", "registering", "certifying", "staging", "awaiting approval", "rolling out", "live"]
    assert [span["name"] for span in states] == names
    assert {span["context"]["trace_id"] for span in [whole, *states]} == {whole["context"]["trace_id"]}
    assert {span["parent_id"] for span in states} == {whole["context"]["span_id"]}
    assert len({span["context"]["span_id"] for span in states}) == len(states)
    assert [span["end_time"] for span in states[:-1]] == [span["start_time"] for span in states[1:]]
    told = [entry["what"] for entry in baton("explain", "wine-0001", "--json").json["story"]]
    assert [event["name"] for span in states for event in span["events"]] == told


def test_a_trace_exported_again_has_the_same_ids_and_a_held_one_ends(baton: CommandLine) -> None:
    first, second = (baton("trace", HELD).out for _ in range(2))
    assert first == second
    whole, *states = [json.loads(line) for line in first.splitlines()]
    assert states[-1]["name"] == "held"
    assert "release held" in [event["name"] for event in states[-1]["events"]]
    assert whole["end_time"] == states[-1]["start_time"]


def test_a_failed_release_is_an_error_of_its_trace(baton: CommandLine) -> None:
    whole = json.loads(baton("trace", FAILED).out.splitlines()[0])
    assert whole["status"]["status_code"] == "ERROR"
