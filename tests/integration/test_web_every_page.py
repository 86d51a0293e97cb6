"""What holds for every page: headers, the twin in JSON, text that people wrote, static files; and reports in a sandbox."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from tests.integration.asking import READS, ask
from tests.integration.command_line import ASKED
from tests.world import World


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
