"""HTTP triggers and the admin routes of the local host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.integration.hosting import RunningHost, running_host


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, connection: str) -> Iterator[RunningHost]:
    with running_host(tmp_path_factory.mktemp("host"), connection) as running:
        yield running


def test_a_request_reaches_its_function_whole(host: RunningHost) -> None:
    answer = httpx.post(f"{host.url}/items/42?a=1&a=2&empty=", headers={"X-Sample": "seen"}, content="body")
    assert answer.json() == {
        "method": "POST",
        "url": f"{host.url}/items/42?a=1&a=2&empty=",
        "number": "42",
        "params": {"a": "1,2"},
        "header": "seen",
        "body": "body",
    }


def test_status_headers_type_and_cookies_of_a_response_go_back(host: RunningHost) -> None:
    answer = httpx.get(f"{host.url}/items/1")
    assert answer.status_code == 201
    assert answer.headers["x-answer"] == "yes"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["set-cookie"] == "seen=1; HttpOnly; Path=/"


def test_a_function_may_answer_with_plain_text(host: RunningHost) -> None:
    answer = httpx.get(f"{host.url}/plain")
    assert (answer.status_code, answer.text) == (200, "plain text")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_body_sent_in_chunks_does_not_arrive_as_in_azure(host: RunningHost) -> None:
    answer = httpx.post(f"{host.url}/items/1", content=iter([b"bo", b"dy"]))
    assert answer.json()["body"] == ""


def test_a_route_constraint_leaves_other_paths_to_the_catch_all(host: RunningHost) -> None:
    assert httpx.get(f"{host.url}/items/many").text == "/items/many"


def test_a_catch_all_route_takes_the_root_and_escaped_paths(host: RunningHost) -> None:
    assert httpx.get(f"{host.url}/").text == "/"
    assert httpx.get(f"{host.url}/models/a%20b/c").text == "/models/a b/c"


def test_a_method_that_no_route_takes_is_answered_404(host: RunningHost) -> None:
    assert httpx.delete(f"{host.url}/items/1").status_code == 404


@pytest.mark.parametrize("path", ["broken", "broken/nothing"])
def test_an_exception_or_a_missing_response_is_answered_500_without_detail(host: RunningHost, path: str) -> None:
    answer = httpx.get(f"{host.url}/{path}")
    assert (answer.status_code, answer.text) == (500, "")


def test_a_function_past_its_time_limit_is_given_up(host: RunningHost) -> None:
    started = time.monotonic()
    assert httpx.get(f"{host.url}/broken/timeout", timeout=20).status_code == 500
    assert time.monotonic() - started < 5  # host.json allows 2 s, the function would take 6 s
    assert "FunctionTimeout: Timeout value of 2 s exceeded by function 'Functions.broken'" in host.log()


def test_asynchronous_pages_are_served_concurrently(host: RunningHost) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: httpx.get(f"{host.url}/page/{n}"), range(8)))
    assert [answer.text for answer in answers] == [f"/page/{n}" for n in range(8)]
    assert max(int(answer.headers["x-together"]) for answer in answers) > 1


def test_the_status_names_the_functions(host: RunningHost) -> None:
    status = httpx.get(f"{host.url}/admin/host/status").json()
    assert status["state"] == "Running"
    assert {"on_event", "on_message", "on_tick", "pages"} <= set(status["functions"])


def test_the_admin_list_shows_each_functions_bindings(host: RunningHost) -> None:
    functions = {item["name"]: item["bindings"] for item in httpx.get(f"{host.url}/admin/functions").json()}
    kinds = {name: sorted(binding["type"] for binding in bindings) for name, bindings in functions.items()}
    assert kinds["on_cloud_event"] == ["eventGridTrigger", "queue"]
    assert kinds["item"] == ["http", "httpTrigger"]


def test_a_timer_can_be_run_by_hand(host: RunningHost) -> None:
    answer = httpx.post(f"{host.url}/admin/functions/on_tick", json={"input": ""})
    assert answer.status_code == 202
    assert host.wait_for("on_tick", lambda line: line["past_due"] is False)


NONSENSE = (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"input": {"a": [1]}}', b"\x00" * 70_000)


@pytest.mark.parametrize("path", ["/admin/functions/on_tick", "/admin/functions/none", "/admin/functions", "/admin/x"])
@pytest.mark.parametrize("body", NONSENSE, ids=lambda body: repr(body[:12]))
def test_no_nonsense_to_the_admin_routes_is_answered_5xx(host: RunningHost, path: str, body: bytes) -> None:
    answers = [httpx.request(method, host.url + path, content=body) for method in ("POST", "GET", "PUT", "DELETE")]
    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []


def test_an_app_line_is_logged_untouched_behind_time_and_level(host: RunningHost) -> None:
    httpx.post(f"{host.url}/admin/functions/on_message", json={"input": "by hand"})
    host.wait_for("on_message", lambda line: line["body"] == "by hand")
    (line,) = [line for line in host.log().splitlines() if "by hand" in line]
    when, rest = line.split(" ", 1)
    assert rest == "INFO  message taken body=by hand"
    assert when.endswith("Z")


def test_a_function_that_exits_does_not_end_the_host(host: RunningHost) -> None:
    answer = httpx.post(f"{host.url}/admin/functions/on_message", json={"input": "exit"})
    assert (answer.status_code, answer.text) == (500, "SystemExit: enough")
    assert httpx.get(f"{host.url}/plain").status_code == 200


def test_the_sdks_stay_silent(host: RunningHost) -> None:
    assert "Request URL" not in host.log()
