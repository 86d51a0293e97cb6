"""Publishing a folder over the JSON API: a first one makes the model, a faulty one is refused with all of its faults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.web.site import site
from tests.integration.asking import AUTHOR, HOST, ask
from tests.world import World, spec_text


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


@pytest.mark.parametrize("folder", [None, 7, [], "../../etc", "0" * 15, "G" * 16, "0" * 17])
def test_what_is_no_folder_hash_is_refused(http: TestClient, folder: object) -> None:
    assert ask(http, "/models/housing/publish", {"folder": folder}).status_code == 400


@pytest.mark.parametrize("model", ["Housing", "a" * 21, "-x", "~models", "%00"])
def test_what_cannot_name_a_model_is_not_published(world: World, http: TestClient, model: str) -> None:
    answer = ask(http, f"/models/{model}/publish", {"folder": "0" * 16})
    assert answer.status_code == 400
