"""The JSON API and the forms over the whole application in memory: who may ask for what, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import httpx
import pytest
from starlette.testclient import TestClient

from shared.approvals import is_genuine
from shared.events import ApprovalGiven
from shared.storage.port import StorageBusy
from shared.web.site import site
from tests.storybook import tell, world_with_users
from tests.world import KEY, World, evidence, spec_text

HOST = "http://127.0.0.1:7071"
OPERATIONS = {"authorization": "Bearer operations-key"}
AUTHOR = {"authorization": "Bearer author-key"}
GUEST = {"authorization": "Bearer guest-key"}
ASKED, HELD, FAILED = "diabetes-0002", "wine-0002", "churn-0001"
READS = (
    "/api/health",
    "/api/models",
    "/api/models/diabetes",
    "/api/models/diabetes/journal",
    f"/api/releases/{ASKED}",
    f"/api/releases/{ASKED}/story",
    "/api/deadletters",
    "/api/deadletters/churn/command-3",
    "/api/deadletters/churn/command-3/foreseen",
    "/api/ignored",
    "/api/freeze",
    "/api/breakers",
    "/",
    "/models/diabetes",
    f"/releases/{ASKED}",
    f"/releases/{HELD}",
    f"/releases/{FAILED}",
    "/deadletters",
    "/deadletters/churn/command-3",
    "/ignored",
    "/sign-in",
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The storybook's three models, and people who can sign in."""
    made = world_with_users(tmp_path)
    tell(made)
    return made


@pytest.fixture
def http(world: World) -> Iterator[TestClient]:
    """A client of the site; faults of the site become answers, as in a host."""
    with TestClient(site(world.app), base_url=HOST, raise_server_exceptions=False) as client:
        yield client


def ask(http: TestClient, path: str, body: object = None, headers: Mapping[str, str] = OPERATIONS) -> httpx.Response:
    return http.post(f"/api{path}", json={"why": "because"} if body is None else body, headers=headers)


def waiting(world: World, model: str = "diabetes") -> list[Any]:
    return [waiting.event for waiting in world.app.book.read(model).inbox]


# Reading


@pytest.mark.parametrize("path", READS)
def test_reading_writes_nothing(world: World, http: TestClient, path: str) -> None:
    rows, blobs, rings = dict(world.table.rows), dict(world.blobs.blobs), list(world.bells.rung)
    assert http.get(path).status_code == 200
    assert (world.table.rows, world.blobs.blobs, world.bells.rung) == (rows, blobs, rings)


@pytest.mark.parametrize("path", READS)
def test_head_answers_like_get_without_a_body(http: TestClient, path: str) -> None:
    asked, read = http.head(path), http.get(path)
    assert (asked.status_code, asked.headers["content-type"]) == (200, read.headers["content-type"])
    assert asked.content == b""


def test_models_tell_champion_state_and_waits(http: TestClient) -> None:
    models = {model["name"]: model for model in http.get("/api/models").json()}
    diabetes = models["diabetes"]
    assert diabetes["champion"]["version"] == "1"
    assert diabetes["state"] == f"{ASKED} waits for approval by operations"
    assert [(wait["of"], wait["owner"]) for wait in diabetes["waiting"]] == [(ASKED, "operations")]
    assert models["churn"]["dead"] == 1


def test_a_model_lists_its_releases_newest_first(http: TestClient) -> None:
    releases = http.get("/api/models/diabetes").json()["releases"]
    assert [(release["id"], release["state"]) for release in releases] == [
        (ASKED, "awaiting approval"),
        ("diabetes-0001", "live"),
    ]


def test_a_release_carries_its_small_documents(http: TestClient) -> None:
    found = http.get(f"/api/releases/{ASKED}").json()
    assert found["evidence_document"]["candidate"]["value"] == 2950.1
    assert found["certificate_document"]["cases"]["passed"] == 3


def test_a_story_is_told_in_order_with_the_actor(http: TestClient) -> None:
    told = http.get("/api/releases/diabetes-0001/story").json()
    assert [told[0]["what"], told[-1]["what"]] == ["release opened", "release live"]
    assert {entry["actor"] for entry in told} == {"Baton", "operations"}


def test_the_journal_is_paged_by_line_number(http: TestClient) -> None:
    page = http.get("/api/models/diabetes/journal?from=5").json()
    assert page["lines"][0]["n"] == 5
    assert page["next"] == page["lines"][-1]["n"] + 1


def test_beyond_the_journals_end_the_next_line_stays_the_same(http: TestClient) -> None:
    assert http.get("/api/models/diabetes/journal?from=9999").json() == {"lines": [], "next": 9999}


def test_dead_letters_can_be_asked_for_one_model(http: TestClient) -> None:
    (letter,) = http.get("/api/deadletters?model=churn").json()
    assert (letter["what"], letter["release"], letter["tries"]) == ("start_run", FAILED, 5)
    assert http.get("/api/deadletters?model=wine").json() == []


def test_ignored_events_have_their_reason(http: TestClient) -> None:
    assert "no model is published under the name housing" in {
        entry["reason"] for entry in http.get("/api/ignored").json()
    }


def test_a_model_that_was_never_published_but_is_listed_is_starting(world: World, http: TestClient) -> None:
    world.app.book.list_model("new")
    assert http.get("/api/models/new").json()["status"] == "starting"
    assert http.get("/models/new").status_code == 200


# Asking


@pytest.mark.parametrize("action", ["retrain", "rollback", "pause", "resume"])
def test_what_people_ask_waits_in_the_inbox_with_name_and_reason(world: World, http: TestClient, action: str) -> None:
    answer = ask(http, f"/models/diabetes/{action}", {"why": "audit"})
    (event,) = waiting(world)
    assert answer.status_code == 202
    assert (event.id, event.by, event.why) == (answer.json()["event"], "operations", "audit")
    assert type(event).__name__.lower().startswith(action)
    assert world.bells.rung[-1][:2] == ("advance", "diabetes")


def test_an_approval_is_signed_and_bound_to_what_was_asked(world: World, http: TestClient) -> None:
    assert ask(http, f"/releases/{ASKED}/approve").status_code == 202
    (event,) = waiting(world)
    release = world.release(ASKED)
    assert isinstance(event, ApprovalGiven)
    assert is_genuine(event, KEY)
    assert (event.version, event.evidence, event.nonce) == (release.version, release.evidence, release.nonce)


def test_an_approved_release_goes_live(world: World, http: TestClient) -> None:
    ask(http, f"/releases/{ASKED}/approve")
    world.wait(timedelta(minutes=5), "diabetes")
    assert http.get(f"/api/releases/{ASKED}").json()["state"] == "live"
    assert http.get("/api/models/diabetes").json()["champion"]["version"] == "2"


def test_a_rejected_release_ends_with_the_persons_reason(world: World, http: TestClient) -> None:
    ask(http, f"/releases/{ASKED}/reject", {"why": "the clinic changed its scale"})
    world.settle("diabetes")
    found = http.get(f"/api/releases/{ASKED}").json()
    assert (found["state"], found["why"]) == ("rejected", "operations: the clinic changed its scale")


def test_a_retry_of_an_ended_release_is_taken(world: World, http: TestClient) -> None:
    assert ask(http, f"/releases/{HELD}/retry").status_code == 202
    world.settle("wine")
    assert "wine-0003" in world.states("wine")


def test_the_same_key_is_the_same_event(world: World, http: TestClient) -> None:
    headers = {**OPERATIONS, "idempotency-key": "once"}
    first, again = (ask(http, "/models/diabetes/retrain", headers=headers).json() for _ in range(2))
    assert (first["event"], first["new"], again["new"]) == (again["event"], True, False)
    assert len(waiting(world)) == 1


def test_without_a_key_every_request_is_its_own_event(world: World, http: TestClient) -> None:
    assert len({ask(http, "/models/diabetes/retrain").json()["event"] for _ in range(2)}) == 2


def uploaded(world: World, model: str, *, name: str = "", **rules: Any) -> str:
    """A folder's spec in storage, not yet published; returns the folder's hash."""
    text = spec_text(name or model, alpha=2, **rules)
    folder = "0123456789abcdef"
    world.blobs.put("models", f"{model}/{folder}/model.yaml", text.encode(), content_type="text/plain")
    return folder


def test_a_first_publish_creates_the_model(world: World, http: TestClient) -> None:
    answer = ask(http, "/models/housing/publish", {"folder": uploaded(world, "housing")}, AUTHOR)
    world.settle("housing")
    assert answer.status_code == 202
    found = http.get("/api/models/housing").json()
    assert (found["author"], found["folder"]) == ("author", "0123456789abcdef")
    assert "housing" in world.app.book.models()


def test_a_folder_that_was_not_uploaded_is_not_published(world: World, http: TestClient) -> None:
    answer = ask(http, "/models/housing/publish", {"folder": "0" * 16})
    assert (answer.status_code, answer.json()["what"]) == (400, f"models/housing/{'0' * 16}/model.yaml is not there.")
    assert not world.app.book.knows("housing")


def test_a_folder_of_another_model_is_not_published(world: World, http: TestClient) -> None:
    answer = ask(http, "/models/housing/publish", {"folder": uploaded(world, "housing", name="homes")})
    assert (answer.status_code, "homes" in answer.json()["what"]) == (400, True)


@pytest.mark.parametrize(("steps", "status"), [("[10, 50, 100]", 400), ("[100]", 202)], ids=["shares", "whole"])
def test_a_plan_with_shares_is_not_published_where_traffic_cannot_be_divided(
    world: World, steps: str, status: int
) -> None:
    on_containers = replace(world.app.settings, platform="azureml", serving="aci")
    with TestClient(site(replace(world.app, settings=on_containers)), base_url=HOST) as http:
        answer = ask(http, "/models/housing/publish", {"folder": uploaded(world, "housing", steps=steps)}, AUTHOR)
    assert (answer.status_code, world.app.book.knows("housing")) == (status, status == 202)
    if status == 400:
        assert "rolls out by 10, 50, 100 %" in answer.json()["what"]
        assert "`rollout: {steps: [100]}`" in answer.json()["next"]


def test_a_spec_with_faults_is_refused_with_all_of_them(world: World, http: TestClient) -> None:
    world.blobs.put(
        "models", f"housing/{'1' * 16}/model.yaml", b"name: housing\nvolume: 11\n", content_type="text/plain"
    )
    answer = ask(http, "/models/housing/publish", {"folder": "1" * 16})
    assert answer.status_code == 400
    assert "model.yaml:2" in answer.json()["what"]


def test_every_fault_of_a_spec_is_told_with_its_line_and_nothing_is_published(world: World, http: TestClient) -> None:
    text = spec_text("housing", alpha=2) + "volume: 11\n"
    text = text.replace("key: [ID]", "key: ID").replace("owner: the-team\n", "")
    world.blobs.put("models", f"housing/{'3' * 16}/model.yaml", text.encode(), content_type="text/plain")
    refused = ask(http, "/models/housing/publish", {"folder": "3" * 16})
    assert refused.status_code == 400
    for entry in ("owner: missing", 'data.key: found "ID"', "volume: there is no such entry"):
        assert entry in refused.json()["what"]
    assert refused.json()["next"]
    assert not world.app.book.knows("housing")


def test_a_gate_that_can_never_pass_is_not_published(world: World, http: TestClient) -> None:
    text = spec_text("housing", alpha=2).replace("floor: 5000", "floor: 0")
    world.blobs.put("models", f"housing/{'4' * 16}/model.yaml", text.encode(), content_type="text/plain")
    refused = ask(http, "/models/housing/publish", {"folder": "4" * 16})
    assert (refused.status_code, "the gate can never pass" in refused.json()["what"]) == (400, True)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: [", b"", b"- 1", b"a: !!python/object:os.system x"])
def test_a_spec_that_is_no_yaml_is_refused(world: World, http: TestClient, content: bytes) -> None:
    world.blobs.put("models", f"housing/{'2' * 16}/model.yaml", content, content_type="text/plain")
    assert ask(http, "/models/housing/publish", {"folder": "2" * 16}).status_code == 400


# Who may


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer "}, {"authorization": "Basic eDp5"}]
)
def test_without_a_known_key_nothing_can_be_asked(world: World, http: TestClient, headers: dict[str, str]) -> None:
    answer = ask(http, f"/releases/{ASKED}/approve", headers=headers)
    assert (answer.status_code, sorted(answer.json())) == (401, ["next", "what"])
    assert waiting(world) == []


def test_headers_of_a_sign_in_proxy_are_never_believed(world: World, http: TestClient) -> None:
    forged = {"x-ms-client-principal-name": "operations", "x-ms-client-principal": "eyJuYW1lIjoib3BlcmF0aW9ucyJ9"}
    assert ask(http, f"/releases/{ASKED}/approve", headers=forged).status_code == 401
    assert waiting(world) == []


def test_who_is_no_approver_is_told_whom_to_ask(world: World, http: TestClient) -> None:
    answer = ask(http, f"/releases/{ASKED}/approve", headers=GUEST)
    assert (answer.status_code, answer.json()["next"]) == (403, "ask an approver: operations")
    assert waiting(world) == []


def test_nobody_approves_a_folder_that_they_published_themselves(world: World, http: TestClient) -> None:
    world.trainer.script["judge"] = evidence(3000.0)
    world.publish("own", by="operations")
    world.settle("own")
    world.drop("rows", model="own")
    world.settle("own")
    assert ask(http, "/releases/own-0001/approve").status_code == 403
    assert ask(http, "/releases/own-0001/reject").status_code == 202


def test_what_does_not_wait_for_approval_cannot_be_approved(http: TestClient) -> None:
    answer = ask(http, f"/releases/{HELD}/approve")
    assert (answer.status_code, answer.json()["what"]) == (409, f"{HELD} does not wait for approval: it is held.")


def test_what_is_under_way_cannot_be_retried(http: TestClient) -> None:
    assert ask(http, f"/releases/{ASKED}/retry").status_code == 409


def test_a_decision_on_an_older_question_is_not_taken(http: TestClient) -> None:
    answer = ask(http, f"/releases/{ASKED}/approve", {"why": "fine", "nonce": "an older question"})
    assert (answer.status_code, answer.json()["next"]) == (409, "look at it again, then decide")


# Bad input


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"{",
            b"[]",
            b'"why"',
            b"[" * 50_000,
            b'{"why": NaN',
            b"\xff\xfe",
            b'{"why": 1}',
            b'{"why": "  "}',
            b"{}",
        ),
        *(json.dumps({"why": "x" * 1001}).encode(), b'{"why": "\\ud800"}', b'{"why": "a\\u0000b"}', b'{"why": null}'),
    ],
)
def test_a_bad_body_is_refused_with_what_to_send(world: World, http: TestClient, body: bytes) -> None:
    answer = http.post("/api/models/diabetes/retrain", content=body, headers=OPERATIONS)
    assert (answer.status_code, sorted(answer.json())) == (400, ["next", "what"])
    assert waiting(world) == []


def test_a_body_of_more_than_64_kib_is_too_large(http: TestClient) -> None:
    answer = http.post("/api/models/diabetes/retrain", content=b" " * 65_537, headers=OPERATIONS)
    assert (answer.status_code, answer.json()["what"]) == (413, "The body has more than 65536 bytes.")


@pytest.mark.parametrize("folder", [None, 7, [], "../../etc", "0" * 15, "G" * 16, "0" * 17])
def test_what_is_no_folder_hash_is_refused(http: TestClient, folder: object) -> None:
    assert ask(http, "/models/housing/publish", {"folder": folder}).status_code == 400


@pytest.mark.parametrize("model", ["Housing", "a" * 21, "-x", "~models", "%00"])
def test_what_cannot_name_a_model_is_not_published(world: World, http: TestClient, model: str) -> None:
    answer = ask(http, f"/models/{model}/publish", {"folder": "0" * 16})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/api/models/nobody",
        "/api/models/~models",
        "/api/models/%00",
        "/api/models/a%2fb",
        "/api/models/wine/x",
        "/api/releases/x",
        "/api/releases/diabetes-9999",
        "/api/releases/diabetes-" + "9" * 30,
        "/api/releases/~unrouted-0001",
        "/api/releases/diabetes-0002%00",
        "/api/deadletters?model=nobody",
        "/api/nothing",
        "/api/",
    ],
)
def test_what_does_not_exist_is_a_404_with_a_next_step(http: TestClient, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, sorted(answer.json())) == (404, ["next", "what"])


def test_a_mistyped_model_is_told_the_nearest_one(http: TestClient) -> None:
    assert http.get("/api/models/diabetis").json()["next"] == "did you mean diabetes?"


@pytest.mark.parametrize("first", ["x", "-1", "1.5", "9" * 50, "", "١"])
def test_a_line_number_that_is_none_is_refused(http: TestClient, first: str) -> None:
    assert http.get("/api/models/diabetes/journal", params={"from": first}).status_code == 400


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH"])
def test_a_method_that_is_not_possible_is_named_with_those_that_are(http: TestClient, method: str) -> None:
    answer = http.request(method, "/api/models/diabetes/retrain")
    assert (answer.status_code, answer.json()["next"]) == (405, "use POST")


def test_a_storage_that_does_not_answer_is_told_as_such(world: World, http: TestClient) -> None:
    def broken(call: str) -> None:
        raise StorageBusy("the table does not answer", next="try again")

    world.table.trap = broken
    answer = http.get("/api/models")
    assert (answer.status_code, answer.json()) == (503, {"what": "the table does not answer", "next": "try again"})


def test_an_unforeseen_fault_is_answered_without_its_inside(world: World, http: TestClient) -> None:
    def broken(call: str) -> None:
        raise RuntimeError("secret detail")

    world.table.trap = broken
    for path in ("/api/models", "/"):
        answer = http.get(path)
        assert answer.status_code == 500
        assert "secret detail" not in answer.text


# Behind the Functions host


def through_functions(world: World, method: str, path: str, body: bytes = b"", **headers: str) -> func.HttpResponse:
    """One request by the way that the Functions host takes: its request, its middleware, its response."""
    request = func.HttpRequest(method, f"{HOST}{path}", headers=headers, body=body)
    return asyncio.run(func.AsgiMiddleware(site(world.app)).handle_async(request, None))


def test_behind_the_functions_host_a_request_is_answered_the_same(world: World, http: TestClient) -> None:
    answer = through_functions(world, "GET", "/api/models/wine", Host="127.0.0.1:7071")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert json.loads(answer.get_body()) == http.get("/api/models/wine").json()


def test_behind_the_functions_host_a_person_is_known_by_their_key(world: World) -> None:
    body = b'{"why": "audit"}'
    path = "/api/models/wine/retrain"
    answer = through_functions(world, "POST", path, body, Host="127.0.0.1:7071", Authorization="Bearer operations-key")
    assert answer.status_code == 202
    assert [event.why for event in waiting(world, "wine")] == ["audit"]


def test_behind_the_functions_host_a_page_keeps_its_headers(world: World) -> None:
    answer = through_functions(world, "GET", "/sign-in?key=operations-key", Host="127.0.0.1:7071")
    assert answer.status_code == 303
    assert answer.headers["set-cookie"].startswith("baton_session=")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


# Reports


def test_a_refused_drops_report_is_served_in_a_sandbox(world: World, http: TestClient) -> None:
    (name,) = [name for name in world.blobs.names("quarantine", "diabetes/") if name.endswith(".html")]
    answer = http.get(f"/reports/quarantine/{name}")
    assert "X is missing" in answer.text
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_a_refused_file_itself_is_not_served(world: World, http: TestClient) -> None:
    (name,) = [name for name in world.blobs.names("quarantine", "diabetes/") if name.endswith(".csv")]
    assert http.get(f"/reports/quarantine/{name}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "models/diabetes/x/model.yaml",
        "datasets/diabetes/versions/x.json",
        "reports/../models/x.json",
        "reports/diabetes/%2e%2e/x.json",
        "reports/diabetes/runs/none.json",
        "reports/diabetes//x.json",
        "quarantine/x",
    ],
)
def test_other_containers_and_paths_are_not_served(http: TestClient, path: str) -> None:
    assert http.get(f"/reports/{path}").status_code == 404


# Signing in, and forms


def signed_in(http: TestClient, key: str = "operations-key") -> None:
    assert http.get(f"/sign-in?key={key}", follow_redirects=False).status_code == 303


def fields(http: TestClient, path: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that sends to `action`."""
    page = http.get(path).text
    form = page.split(f'action="{action}"', 1)[1].split("</form>", 1)[0]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def send(http: TestClient, path: str, data: Mapping[str, str], *, origin: str = HOST) -> httpx.Response:
    return http.post(path, data=dict(data), headers={"origin": origin}, follow_redirects=False)


APPROVE = f"/releases/{ASKED}/approve"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(http: TestClient) -> None:
    answer = http.get("/sign-in?key=operations-key", follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert answer.headers["location"] == "/"
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_wrong_key_opens_no_session(http: TestClient) -> None:
    answer = http.get("/sign-in?key=wrong")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)


@pytest.mark.parametrize(
    "then", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:1"]
)
def test_signing_in_leads_to_this_site_only(http: TestClient, then: str) -> None:
    answer = http.get("/sign-in", params={"key": "operations-key", "next": then}, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_a_form_approves_and_comes_back_to_the_release(world: World, http: TestClient) -> None:
    signed_in(http)
    answer = send(http, APPROVE, {**fields(http, f"/releases/{ASKED}", APPROVE), "why": "good numbers"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/releases/{ASKED}?asked=approve")
    assert [(event.by, event.why) for event in waiting(world)] == [("operations", "good numbers")]


def test_a_form_that_is_sent_twice_is_one_decision(world: World, http: TestClient) -> None:
    signed_in(http)
    data = {**fields(http, f"/releases/{ASKED}", APPROVE), "why": "good numbers"}
    for _ in range(2):
        send(http, APPROVE, data)
    assert len(waiting(world)) == 1


def test_a_form_from_another_site_is_refused(world: World, http: TestClient) -> None:
    signed_in(http)
    data = {**fields(http, f"/releases/{ASKED}", APPROVE), "why": "good numbers"}
    for origin in ("https://evil.example", "null", ""):
        assert send(http, APPROVE, data, origin=origin).status_code == 403
    assert waiting(world) == []


def test_a_form_with_the_token_of_another_session_is_refused(world: World, http: TestClient) -> None:
    signed_in(http)
    data = {**fields(http, f"/releases/{ASKED}", APPROVE), "why": "good numbers"}
    http.cookies.clear()
    signed_in(http)
    assert send(http, APPROVE, data).status_code == 403
    assert waiting(world) == []


def test_a_form_without_a_session_asks_to_sign_in(world: World, http: TestClient) -> None:
    assert send(http, APPROVE, {"why": "good numbers", "token": "x"}).status_code == 401
    assert waiting(world) == []


def test_a_session_ends_after_twelve_hours(world: World, http: TestClient) -> None:
    signed_in(http)
    assert "Sign out" in http.get("/").text
    world.now += timedelta(hours=12)
    assert "Sign out" not in http.get("/").text


def test_a_session_ends_when_its_person_is_removed(world: World, http: TestClient) -> None:
    signed_in(http)
    world.app.settings.users.write_text("{}")
    assert "Sign out" not in http.get("/").text


@pytest.mark.parametrize("cookie", ["x", "x.y", ".", "eyJuYW1lIjoib3BlcmF0aW9ucyJ9." + "0" * 64])
def test_a_forged_cookie_is_nobody(http: TestClient, cookie: str) -> None:
    assert "Sign out" not in http.get("/", headers={"cookie": f"baton_session={cookie}"}).text


def test_signing_out_ends_the_session(http: TestClient) -> None:
    signed_in(http)
    assert send(http, "/sign-out", fields(http, "/", "/sign-out")).status_code == 303
    assert "Sign out" not in http.get("/").text


def test_another_sites_name_for_this_laptop_is_refused(http: TestClient) -> None:
    assert http.get("/api/models", headers={"host": "evil.example:7071"}).status_code == 403
    assert http.get("/api/models", headers={"host": "localhost:7071"}).status_code == 200


# Every page


@pytest.mark.parametrize("path", READS)
def test_every_answer_forbids_foreign_scripts_and_framing(http: TestClient, path: str) -> None:
    headers = http.get(path).headers
    assert "script-src 'nonce-" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [path for path in READS if not path.startswith(("/api", "/sign-in"))])
def test_every_page_names_a_twin_that_answers_in_json(http: TestClient, path: str) -> None:
    found = re.search(r'rel="alternate" type="application/json" href="([^"]+)"', http.get(path).text)
    assert found
    assert http.get(found[1]).headers["content-type"] == "application/json"


def test_what_people_write_is_shown_as_text(world: World, http: TestClient) -> None:
    ask(http, f"/releases/{ASKED}/reject", {"why": "<script>alert(1)</script>"})
    world.settle("diabetes")
    page = http.get(f"/releases/{ASKED}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_an_unknown_page_is_a_page_that_leads_on(http: TestClient) -> None:
    answer = http.get("/nothing/here")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'href="/"' in answer.text


def test_static_files_change_their_address_with_their_content(http: TestClient) -> None:
    address = re.search(r'href="(/static/style\.css\?v=[0-9a-f]{12})"', http.get("/").text)
    assert address
    style = http.get(address[1])
    assert (style.headers["content-type"], "immutable" in style.headers["cache-control"]) == (
        "text/css; charset=utf-8",
        True,
    )


# Freezing


def test_a_freeze_is_told_to_all_models_and_says_when_it_is_settled(world: World, http: TestClient) -> None:
    asked = ask(http, "/freeze", {"why": "incident 42"})
    assert asked.status_code == 202
    assert (asked.json()["holds"], asked.json()["settled"]) == (True, False)
    for model in ("diabetes", "wine", "churn"):
        world.settle(model)
    world.now += timedelta(seconds=1)

    found = http.get("/api/freeze").json()

    assert (found["settled"], found["told"], found["models"]) == (True, 3, 3)
    assert (found["by"], found["why"]) == ("operations", "incident 42")
    assert http.get("/api/models/diabetes").json()["status"] == "frozen"
    assert "Everything is frozen" in http.get("/").text


def test_what_is_asked_during_a_freeze_is_recorded_and_says_that_it_waits(world: World, http: TestClient) -> None:
    ask(http, "/freeze", {"why": "incident 42"})
    asked = ask(http, "/models/diabetes/rollback")
    assert asked.status_code == 202
    assert asked.json()["waits"] == (
        f"everything is frozen by operations since {world.now:%Y-%m-%d %H:%M} UTC: incident 42; "
        "nothing is done before baton unfreeze --why ..."
    )


def test_a_second_freeze_or_an_end_of_none_is_refused_and_says_how_it_stands(http: TestClient) -> None:
    assert ask(http, "/unfreeze").status_code == 409
    ask(http, "/freeze", {"why": "incident 42"})
    refused = ask(http, "/freeze", headers=AUTHOR)
    assert refused.status_code == 409
    assert "Everything is frozen already, by operations since" in refused.json()["what"]


def test_the_same_freeze_asked_again_under_its_key_is_one(http: TestClient) -> None:
    headers = {**OPERATIONS, "idempotency-key": "once"}
    assert [ask(http, "/freeze", headers=headers).json()["number"] for _ in range(2)] == [1, 1]


def test_nobody_freezes_without_a_reason_or_signing_in(http: TestClient) -> None:
    assert ask(http, "/freeze", {"why": ""}).status_code == 400
    assert ask(http, "/freeze", headers={}).status_code == 401
    assert http.get("/api/freeze").json()["holds"] is False
