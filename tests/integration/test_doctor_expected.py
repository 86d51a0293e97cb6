"""What `baton doctor --azure` expects is what the Bicep files make."""

from __future__ import annotations

from collections.abc import Iterator

from cli.cloud.expected import APP_ROLES, DEAD_LETTERS, IMMUTABLE, PROVIDERS, ROLE_IDS, ROLES_OF_RUNS
from tests import roles
from tests.bicep import files
from tests.infra_rules import ROLES, roles_of
from tests.unit.test_infra import listed


def test_it_expects_the_roles_that_the_bicep_files_give_the_app() -> None:
    given = {
        (role, roles.WHAT[on])
        for source in files().values()
        for who, role, on in roles_of(source)
        if roles.WHO[who] == "the app"
    }
    assert given == set(APP_ROLES)
    assert {ROLES[identity]: identity for identity in ROLE_IDS.values()} == ROLE_IDS


def test_it_expects_the_providers_of_the_bicep_files() -> None:
    made = {one.split("/")[0] for source in files().values() for one in _kinds(source)}
    assert made - {"Microsoft.Authorization", "Microsoft.Resources"} == set(PROVIDERS)


def _kinds(source: str) -> Iterator[str]:
    from tests.bicep import declared

    return (one.what for one in declared(source))


def test_it_expects_what_cannot_be_changed_to_be_what_the_bicep_files_make_so() -> None:
    assert listed("immutable") == set(IMMUTABLE)
    assert DEAD_LETTERS in listed("containers")


def test_it_expects_the_roles_that_the_bicep_files_give_runs() -> None:
    containers = {"readable[index]": ("models", "incoming"), "writable[index]": ("datasets", "quarantine")}
    given = roles_of(files()["modules/runs.bicep"])
    assert {roles.WHO[who] for who, _, _ in given} == {"runs, on the cluster or on Databricks"}
    assert {(role, one) for _, role, on in given for one in containers[on]} == set(ROLES_OF_RUNS)
