"""What the command line shows of what runs: answers of a version, logs, alerts, traces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.integration.command_line import FAILED, HELD, CommandLine
from tests.storybook import serving

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
