"""`baton doctor --azure` of an app on Databricks: the resource manager and the workspace at the wire, one thing broken at a time."""

from __future__ import annotations

import pytest

from cli.cloud.expected import GRANTS, OF_A_WORKSPACE, ON_A_WORKSPACE
from tests.integration.doctoring import wrong
from tests.integration.doctoring_databricks import (
    CONNECTOR,
    CREDENTIAL,
    OWN_ID,
    RUNS,
    Break,
    Workspace,
    found,
    put,
    revoked,
    unassigned,
    unset,
)
from tests.wire.arm import IDENTITY, Documents
from tests.wire.databricks_workspace import CATALOG, PERMISSIONS, PRINCIPALS, WAREHOUSE

ACL = f"{PERMISSIONS}/warehouses/0123456789abcdef"
CASES: dict[str, tuple[Break, str, str, str]] = {
    # what is broken: (how, which check, what it says, the command that mends it)
    "no schema set": (
        unset("BATON_DATABRICKS_SCHEMA"),
        "app settings",
        "BATON_DATABRICKS_SCHEMA is missing",
        "azd provision",
    ),
    "another platform set": (
        unset("BATON_PLATFORM", "azureml_v2"),
        "app settings",
        "the app is set to azureml_v2, and azd's environment to databricks",
        "azd up",
    ),
    "a stranger": (
        put(PRINCIPALS, "Resources", []),
        "databricks identity",
        "is no service principal",
        "databricks service-principals create --application-id c",
    ),
    "another app's principal": (
        put(PRINCIPALS, "Resources", 0, "applicationId", "d"),
        "databricks identity",
        "is no service principal",
        "databricks service-principals create --application-id c",
    ),
    "a principal put to sleep": (
        put(PRINCIPALS, "Resources", 0, "active", False),
        "databricks identity",
        "9 is not active",
        "databricks service-principals patch 9",
    ),
    "no catalog": (
        put(f"{CATALOG}/catalogs/main", None),
        "databricks catalog",
        "no catalog main",
        "databricks catalogs create main",
    ),
    "no schema": (
        put(f"{CATALOG}/schemas/main.mlops", None),
        "databricks schema",
        "no schema main.mlops",
        "databricks schemas create mlops main",
    ),
    "no volume": (
        put(f"{CATALOG}/volumes/main.mlops.baton", None),
        "databricks volume",
        "no volume main.mlops.baton",
        "databricks volumes create main mlops baton MANAGED",
    ),
    **{
        f"no {privilege}": (
            revoked(kind, {"catalog": "main", "schema": "main.mlops"}[kind], privilege),
            f"databricks {privilege} on the {kind}",
            f"no {privilege} on the {kind} main",
            f"databricks grants update {kind} main",
        )
        for privilege, kind in GRANTS
    },
    "no credential": (
        put(CREDENTIAL, None),
        "databricks credential",
        "no service credential baton-data",
        "databricks credentials create-credential baton-data",
    ),
    "a credential for storage": (
        put(CREDENTIAL, "purpose", "STORAGE"),
        "databricks credential",
        "is for STORAGE",
        "purpose SERVICE",
    ),
    "a credential without identity": (
        put(CREDENTIAL, "azure_managed_identity", None),
        "databricks credential",
        "no managed identity",
        "access connector",
    ),
    "no ACCESS": (
        revoked("credential", "baton-data", "ACCESS"),
        "databricks ACCESS on the credential",
        "no ACCESS",
        "databricks grants update credential baton-data",
    ),
    "runs may not read models": (
        unassigned("models"),
        "role Storage Blob Data Reader of runs on models",
        "not given",
        "containers/models",
    ),
    "runs may not read drops": (
        unassigned("incoming"),
        "role Storage Blob Data Reader of runs on incoming",
        "not given",
        "containers/incoming",
    ),
    "runs may not keep data": (
        unassigned("datasets"),
        "role Storage Blob Data Contributor of runs on datasets",
        "not given",
        "az role assignment create",
    ),
    "runs may not quarantine": (
        unassigned("quarantine"),
        "role Storage Blob Data Contributor of runs on quarantine",
        "not given",
        RUNS,
    ),
    "no warehouse": (
        put(f"{WAREHOUSE}/0123456789abcdef", None),
        "databricks warehouse",
        "no SQL warehouse 0123456789abcdef",
        "databricks warehouses list",
    ),
    "a deleted warehouse": (
        put(f"{WAREHOUSE}/0123456789abcdef", "state", "DELETED"),
        "databricks warehouse",
        "no SQL warehouse",
        "BATON_DATABRICKS_WAREHOUSE",
    ),
    "no CAN_USE": (
        put(ACL, "access_control_list", []),
        "databricks CAN_USE on the warehouse",
        "no CAN_USE on 0123456789abcdef",
        "databricks warehouses update-permissions 0123456789abcdef",
    ),
    "CAN_VIEW only": (
        put(ACL, "access_control_list", 1, "all_permissions", 0, "permission_level", "CAN_VIEW"),
        "databricks CAN_USE on the warehouse",
        "no CAN_USE",
        "CAN_USE",
    ),
    "an endpoint made by somebody": (
        put(f"{PERMISSIONS}/serving-endpoints/e-1", "access_control_list", []),
        "databricks endpoints",
        "no CAN_MANAGE on diabetes-",
        "databricks serving-endpoints update-permissions e-1",
    ),
}
FOLLOWS = {  # what cannot be well either
    "no schema set": 99,
    "another platform set": 0,
    "no credential": 5,
    "a credential without identity": 5,
    "no schema": 0,
    "no volume": 0,
}


def test_a_whole_installation_is_well() -> None:
    findings = found()
    assert wrong(findings) == {}
    assert findings["databricks"].what.endswith("knows you as ana@contoso.com")
    assert findings["databricks warehouse"].what == "counts, stopped"
    assert findings["databricks endpoints"].what == "1, each may be changed"


@pytest.mark.parametrize("name", CASES)
def test_one_thing_broken_is_told_with_the_command_that_mends_it(name: str) -> None:
    broken, check, says, mends = CASES[name]
    findings = wrong(found(broken))
    assert check in findings
    assert says in findings[check].what
    assert mends in findings[check].next
    others = findings.keys() - {check}
    assert len(others) <= FOLLOWS.get(name, 0), others
    assert all(other.startswith(("databricks", "role ")) for other in others), others


def test_a_workspace_that_does_not_answer_and_one_that_does_not_know_the_caller_are_told_apart() -> None:
    silent = wrong(found(orders=(("GET", "^/api/", 503, "TEMPORARILY_UNAVAILABLE"),)))
    assert "TEMPORARILY_UNAVAILABLE" in silent["databricks"].what
    assert "azd env set BATON_DATABRICKS_HOST" in silent["databricks"].next
    stranger = wrong(found(orders=(("GET", "/scim/v2/Me$", 403, "PERMISSION_DENIED"),)))
    assert list(stranger) == ["databricks"]
    assert "az login" in stranger["databricks"].next


def test_an_owner_of_the_schema_and_who_has_all_privileges_need_no_grant() -> None:
    owns = put(f"{CATALOG}/schemas/main.mlops", "owner", OWN_ID)

    def broken(documents: Documents, workspace: Workspace) -> None:
        owns(documents, workspace)
        for place, privileges in (("schema/main.mlops", []), ("catalog/main", [{"privilege": "ALL_PRIVILEGES"}])):
            (own,) = workspace[f"{CATALOG}/effective-permissions/{place}"]["privilege_assignments"]
            own["privileges"] = privileges

    assert wrong(found(broken)) == {}


def test_the_identity_of_a_connector_that_was_given_one_is_the_one_that_needs_the_roles() -> None:
    def own(documents: Documents, workspace: Workspace) -> None:
        workspace[CREDENTIAL]["azure_managed_identity"]["managed_identity_id"] = IDENTITY
        documents[IDENTITY] = {"properties": {"principalId": RUNS}}
        del documents[CONNECTOR]

    assert wrong(found(own)) == {}


def test_nothing_of_azure_ml_is_looked_for() -> None:
    names = found().keys()
    assert not [name for name in names if "workspace" in name or name in ("cluster", "quota")]
    assert not [name for name in names if any(one in name for one in (*OF_A_WORKSPACE, *ON_A_WORKSPACE))]
    assert "subscription on-run-completed" not in names
    assert "subscription on-new-data" in names
