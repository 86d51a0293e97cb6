"""Data Factory's pipeline: one that the service takes, and one that waits for what it asked for, through the real HTTP function's way."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import httpx
import pytest

from shared.web.site import site
from tests.adf import Run, faults
from tests.storybook import judged, world_with_users
from tests.world import World, evidence

ADF = Path(__file__).resolve().parents[2] / "infra" / "adf"
PIPELINE = json.loads((ADF / "retrain.pipeline.json").read_text())
TRIGGER = json.loads((ADF / "retrain.trigger.json").read_text())
HOST = "http://127.0.0.1:7071"
KEY = "operations-key"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One model, `wine`, whose version 1 serves; the next candidate is clearly better."""
    made = world_with_users(tmp_path)
    made.publish("wine")
    made.settle("wine")
    made.go_live("red wine", model="wine", judged=evidence(3100.0))
    made.trainer.script["judge"] = judged(2950.1, 3100.0, 20.3, 279.5)
    return made


def function(world: World) -> Callable[[httpx.Request], httpx.Response]:
    """The function `web` over this world: requests and answers in the Functions' own form."""
    middleware = func.AsgiMiddleware(site(world.app))

    def send(request: httpx.Request) -> httpx.Response:
        asked = func.HttpRequest(
            method=request.method,
            url=str(request.url),
            headers=dict(request.headers),
            params=dict(request.url.params),
            body=request.content,
        )
        answer = asyncio.run(middleware.handle_async(asked))
        return httpx.Response(
            answer.status_code, headers=dict(answer.headers), content=answer.get_body(), request=request
        )

    return send


def run(world: World, run_id: str = "run-1", *, model: str = "wine", **given: str) -> Run:
    parameters = {"baton": HOST, "model": model, **given}
    return Run(PIPELINE, function(world), lambda: _pass(world, model), run_id, KEY, parameters)


def _pass(world: World, model: str) -> None:
    world.wait(timedelta(seconds=30), model)


def test_the_pipeline_and_the_trigger_are_ones_that_the_service_takes() -> None:
    assert faults("pipeline", PIPELINE) == []
    assert faults("trigger", TRIGGER) == []


def broken(document: Any, place: str, value: object) -> Any:
    """The document with one thing changed, or left out (None)."""
    made = json.loads(json.dumps(document))
    *path, last = (int(step) if step.isdigit() else step for step in place.split("."))
    inner = made
    for step in path:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return made


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("properties.activities.0.typeProperties.method", "SEND"),
        ("properties.activities.0.typeProperties.body", None),
        ("properties.activities.1.typeProperties.body", "x"),
        ("properties.activities.0.typeProperties.turnOffAsyncs", True),
        ("properties.activities.0.policy.retryIntervalInSeconds", 5),
        ("properties.activities.1.policy.timeout", "12 hours"),
        ("properties.activities.1.dependsOn.0.dependencyConditions", ["Done"]),
        ("properties.activities.0.typeProperties.authentication.type", "ManagedIdentity"),
        ("properties.concurrency", 0),
        ("properties.activities.0.name", None),
    ],
)
def test_a_pipeline_that_the_service_refuses_is_found(place: str, value: object) -> None:
    assert faults("pipeline", broken(PIPELINE, place, value))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("properties.typeProperties.recurrence.frequency", "Weekly"),
        ("properties.typeProperties.recurrence.schedule.hours", [24]),
        ("properties.typeProperties.recurrence.startTime", "tomorrow"),
        ("properties.pipelines.0.pipelineReference.type", "Pipeline"),
    ],
)
def test_a_trigger_that_the_service_refuses_is_found(place: str, value: object) -> None:
    assert faults("trigger", broken(TRIGGER, place, value))


def test_the_documented_commands_give_az_the_form_that_it_takes() -> None:
    """`az datafactory trigger create --properties` puts what it is given below `properties`, a resource's whole document too."""
    page = (ADF.parents[1] / "docs/azure.md").read_text()
    given = {file: option for option, file in re.findall(r"--(\w+) @infra/adf/(\S+)", page)}
    assert given == {"retrain.pipeline.json": "pipeline", "retrain.trigger.json": "body"}
    [put] = re.findall(r"az rest --method put --body @infra/adf/\S+ --url \S+", page)
    assert f"/triggers/{TRIGGER['name']}?api-version=2018-06-01" in put


def test_the_trigger_starts_the_pipeline_with_parameters_that_it_has() -> None:
    (started,) = TRIGGER["properties"]["pipelines"]
    assert started["pipelineReference"]["referenceName"] == PIPELINE["name"]
    assert started["parameters"].keys() <= PIPELINE["properties"]["parameters"].keys()


def test_a_run_waits_until_a_person_is_asked(world: World) -> None:
    made = run(world)
    assert made.go() == "Succeeded"
    found = made.outputs["Wait"]
    assert (found["state"], found["release"], found["done"]) == ("awaiting approval", "wine-0002", True)
    assert made.polls > 0


def test_an_activity_that_is_tried_again_asks_for_one_retrain(world: World) -> None:
    made = run(world)
    reached = made.send
    lost = [True, True, False]

    def send(request: httpx.Request) -> httpx.Response:
        answer = reached(request)
        is_lost = request.method == "POST" and lost.pop(0)
        return httpx.Response(502, text="the answer was lost", request=request) if is_lost else answer

    made.send = send
    assert made.go() == "Succeeded"
    assert list(world.states("wine")) == ["wine-0001", "wine-0002"]


def test_a_no_of_a_rule_is_an_answer_and_no_failure(world: World) -> None:
    world.trainer.script["judge"] = judged(3026.6, 3100.0, -99.6, 246.4)
    made = run(world)
    assert made.go() == "Succeeded"
    assert (made.outputs["Wait"]["state"], made.outputs["Wait"]["release"]) == ("held", "wine-0002")
    assert "lower bound" in made.outputs["Wait"]["why"]


def test_a_release_that_fails_fails_the_run_and_says_why(world: World) -> None:
    world.trainer.busy = True
    told = run(world).go()
    assert told.startswith("Failed: Wait: ")
    assert json.loads(told.removeprefix("Failed: Wait: "))["state"] == "failed"


def test_a_run_may_wait_for_the_person_too(world: World) -> None:
    made = run(world, until="end")

    def pause() -> None:
        _pass(world, "wine")
        if world.states("wine").get("wine-0002") == "awaiting approval":
            world.decide("wine-0002", approve=False, model="wine")

    made.pause = pause
    assert made.go() == "Succeeded"
    assert made.outputs["Wait"]["state"] == "rejected"


def test_a_request_that_nobody_made_is_not_found(world: World) -> None:
    for event in ("0" * 32, "no-event"):
        answer = function(world)(httpx.Request("GET", f"{HOST}/api/models/wine/requests/{event}"))
        assert (answer.status_code, sorted(answer.json())) == (404, ["next", "what"])


def test_the_same_key_for_something_else_is_another_request(world: World) -> None:
    headers = {"authorization": f"Bearer {KEY}", "idempotency-key": "monday"}
    asked = [
        function(world)(httpx.Request("POST", f"{HOST}/api/models/wine/{action}", headers=headers, json={"why": "x"}))
        for action in ("retrain", "pause", "retrain")
    ]
    assert [answer.json()["new"] for answer in asked] == [True, True, False]


def test_what_is_no_retrain_is_done_with_its_decision(world: World) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    asked = function(world)(httpx.Request("POST", f"{HOST}/api/models/wine/pause", headers=headers, json={"why": "x"}))
    there = httpx.Request("GET", asked.headers["location"])
    assert (function(world)(there).status_code, asked.json()["statusUrl"]) == (202, asked.headers["location"])
    world.settle("wine")
    assert function(world)(there).json()["state"] == "decided"


def test_requests_that_one_release_took_together_all_hear_of_it(world: World) -> None:
    ask, wait = (activity["typeProperties"] for activity in PIPELINE["properties"]["activities"])
    runs = [run(world, f"run-{number}") for number in range(3)]
    for made in runs:
        made.outputs["Ask"] = made.web(ask).json()
    assert len({made.outputs["Ask"]["event"] for made in runs}) == 3
    found = [made.web(wait).json()["release"] for made in runs]
    assert found == ["wine-0002", "wine-0003", "wine-0003"]


def test_a_run_without_a_token_of_this_app_asks_for_nothing(world: World) -> None:
    made = run(world)
    made.token = "somebody's"
    assert made.go().startswith("Failed: Ask: ")
    world.settle("wine")
    assert list(world.states("wine")) == ["wine-0001"]
