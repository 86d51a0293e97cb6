"""The app registration that people and programs sign in to: whole after one command, the same after the second."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra import sign_in
from infra.artefact import PROJECT
from tests.fakes.graph import FakeGraph

NAME = "baton-dev"
ALICE = "aaaaaaaa-0000-0000-0000-000000000001"


def asked(graph: FakeGraph, *arguments: str) -> None:
    assert sign_in.main(arguments, sign_in.patiently(graph, sleep=lambda _: None)) == 0


def made(graph: FakeGraph, *roles: str) -> str:
    asked(graph, "make", NAME, *roles)
    return str(next(iter(graph.applications.values()))["appId"])


def test_a_token_of_az_for_it_is_one_that_the_sign_in_takes() -> None:
    """App Service takes tokens of the issuer in authsettingsV2 alone: `.../v2.0`, so version 2, for `api://CLIENT`."""
    graph = FakeGraph()
    client = made(graph, "operations")
    application = graph.application(client)
    assert "/v2.0'" in (PROJECT / "infra/modules/app.bicep").read_text()
    assert application["api"]["requestedAccessTokenVersion"] == 2
    assert application["identifierUris"] == [f"api://{client}"]
    [scope] = application["api"]["oauth2PermissionScopes"]
    [allowed] = application["api"]["preAuthorizedApplications"]
    assert allowed == {"appId": sign_in.AZURE_CLI, "delegatedPermissionIds": [scope["id"]]}
    assert application["web"]["implicitGrantSettings"] == {"enableIdTokenIssuance": True}


def test_only_who_was_given_a_role_gets_in_and_need_not_consent() -> None:
    graph = FakeGraph()
    client = made(graph, "operations")
    assert graph.principal(client)["appRoleAssignmentRequired"] is True
    assert [role["value"] for role in graph.principal(client)["appRoles"]] == ["Baton.Operator", "operations"]
    assert all(role["allowedMemberTypes"] == ["User", "Application"] for role in graph.principal(client)["appRoles"])
    [grant] = graph.grants
    assert grant["clientId"] == graph.principal(client)["id"]
    assert (grant["consentType"], grant["scope"]) == ("AllPrincipals", "openid profile email")


def test_what_was_just_made_and_is_not_found_yet_is_waited_for() -> None:
    graph = FakeGraph(late=2)
    assert graph.principal(made(graph))["appRoleAssignmentRequired"] is True


def test_a_second_time_changes_nothing_and_another_role_is_added() -> None:
    graph = FakeGraph()
    client = made(graph, "operations")
    asked(graph, "open", client, "https://app.example/")
    before = copy.deepcopy(graph.application(client))
    made(graph, "operations")
    asked(graph, "open", client, "https://app.example")
    assert graph.application(client) == before
    assert (len(graph.applications), len(graph.grants), len(graph.principals)) == (1, 1, 2)
    made(graph, "night-shift")
    assert [role["value"] for role in graph.application(client)["appRoles"]][-1] == "night-shift"
    assert graph.application(client)["appRoles"][:2] == before["appRoles"]
    assert graph.application(client)["web"]["redirectUris"] == ["https://app.example/.auth/login/aad/callback"]


def test_a_role_is_given_once() -> None:
    graph = FakeGraph()
    client = made(graph, "operations")
    for _ in range(2):
        asked(graph, "give", client, "operations", ALICE)
    [given] = graph.assigned
    assert given["principalId"] == ALICE
    with pytest.raises(SystemExit, match=r"no app role boss, only \['Baton.Operator', 'operations'\]"):
        asked(graph, "give", client, "boss", ALICE)


def test_who_may_not_consent_is_told_what_an_administrator_does(capsys: pytest.CaptureFixture[str]) -> None:
    client = made(FakeGraph(may_consent=False))
    told = capsys.readouterr().err
    assert "Nobody can sign in before an administrator consents" in told
    assert f"az ad app permission grant --id {client} --api {sign_in.MICROSOFT_GRAPH}" in told


def test_two_registrations_of_the_name_or_none_are_told() -> None:
    graph = FakeGraph()
    for _ in range(2):
        graph("POST", "/applications", {"displayName": NAME})
    with pytest.raises(SystemExit, match="2 app registrations are called baton-dev"):
        made(graph)
    with pytest.raises(SystemExit, match="There is no app registration nobody"):
        asked(graph, "open", "nobody", "https://app.example")
    with pytest.raises(SystemExit, match="cannot be an app role"):
        made(FakeGraph(), "two words")


@pytest.mark.parametrize("arguments", [[], ["make"], ["open", "c", "http://app"], ["give", "c", "r"]])
def test_other_arguments_are_answered_with_how_to_use_it(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="python infra/sign_in.py make NAME"):
        asked(FakeGraph(), *arguments)


def test_az_is_asked_with_a_body_and_what_it_refuses_is_told(tmp_path: Path) -> None:
    az = tmp_path / "az"
    az.write_text(
        '#!/bin/sh\ncase "$*" in *--body*) for one; do case "$one" in @*) cat "${one#@}" >&2;; esac; done;; esac\n'
        'echo "Forbidden: $*" >&2; exit 1\n'
    )
    az.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = {"cwd": PROJECT, "env": environment, "capture_output": True, "text": True}
    said = subprocess.run([sys.executable, "infra/sign_in.py", "make", NAME], check=False, **run)  # type: ignore[call-overload]
    assert said.returncode == 1
    url = "https://graph.microsoft.com/v1.0/applications?$filter=displayName%20eq%20%27baton-dev%27"
    assert f"Forbidden: rest --method GET --url {url}" in said.stderr
    assert "Next: sign in with `az login`" in said.stderr
    posts = "from infra import sign_in; sign_in.az('POST', '/applications', {'a': 1})"
    said = subprocess.run([sys.executable, "-c", posts], check=False, **run)  # type: ignore[call-overload]
    assert '{"a": 1}Forbidden: rest --method POST' in said.stderr
    assert "--headers Content-Type=application/json --body @" in said.stderr
