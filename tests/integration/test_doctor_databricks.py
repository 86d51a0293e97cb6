"""`baton doctor --azure` of an app on Databricks: the resource manager and the workspace at the wire, one thing broken at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.cloud import doctor
from cli.cloud.arm import Arm
from cli.cloud.expected import GRANTS, OF_A_WORKSPACE, ON_A_WORKSPACE, ROLE_IDS, ROLES_OF_RUNS
from cli.cloud.installation import NEEDED, Installation, find
from cli.doctor import Finding, examine
from shared.names import digest
from tests import roles
from tests.bicep import files
from tests.infra_rules import roles_of
from tests.integration.test_doctor_azure import Known, wrong
from tests.unit.test_settings import ON_DATABRICKS
from tests.wire import arm as wire
from tests.wire import databricks_workspace as at_databricks
from tests.wire.arm import APP, ASSIGNED, DATA, GROUP, IDENTITY, SUBSCRIPTION, Documents
from tests.wire.databricks import SCHEMA, FakeDatabricks
from tests.wire.databricks_workspace import CATALOG, PERMISSIONS, PRINCIPALS, WAREHOUSE
from tests.wire.server import WireServer

AT = Installation(SUBSCRIPTION, "rg-baton", APP, DATA, {"storage": "evgt-s", "custom": "evgt-c"}, "databricks")
OWN_ID, RUNS = "c", "cccccccc-0000-0000-0000-000000000001"
CONNECTOR = f"{GROUP}/providers/Microsoft.Databricks/accessConnectors/runs"
SETTINGS = f"POST {APP}/config/appsettings/list"
CREDENTIAL = f"{CATALOG}/credentials/baton-data"
CONTAINERS = f"{DATA}/blobServices/default/containers"
Workspace = dict[str, Any]
Break = Callable[[Documents, Workspace], object]


def azure(host: str) -> Documents:
    """What is deployed where Databricks trains: no workspace of Azure ML, and the identity behind the credential."""
    documents = {path: one for path, one in wire.deployed().items() if "MachineLearning" not in path}
    documents = {path: one for path, one in documents.items() if "evgt-w" not in path}
    settings = documents[SETTINGS]["properties"]
    dropped = ("BATON_WORKSPACE_SOURCE", "BATON_AKS", "BATON_SCORING_LOGS")
    kept = {name: value for name, value in settings.items() if name not in dropped}
    own = {name: value for name, value in ON_DATABRICKS.items() if "DATABRICKS" in name or name == "BATON_PLATFORM"}
    documents[SETTINGS] = {"properties": {**kept, **own, "BATON_DATABRICKS_HOST": host}}
    documents[CONNECTOR] = {"identity": {"type": "SystemAssigned", "principalId": RUNS}}
    for role, container in ROLES_OF_RUNS:
        given = {"principalId": RUNS, "roleDefinitionId": f"/roleDefinitions/{ROLE_IDS[role]}"}
        documents[f"{CONTAINERS}/{container}{ASSIGNED}"] = {"value": [{"properties": given}]}
    return documents


def found(broken: Break = lambda _azure, _workspace: None, *, orders: tuple[Any, ...] = ()) -> dict[str, Finding]:
    """What the doctor says, by check."""
    server = WireServer()
    with FakeDatabricks().running() as fake:
        documents = azure(fake.wire.url)
        workspace = at_databricks.whole(OWN_ID, CONNECTOR, digest(SCHEMA)[:6])
        every = dict(documents)
        broken(documents, workspace)
        at_databricks.serve(fake, workspace)
        wire.serve(server, {**dict.fromkeys(every), **documents})
        for words in orders:
            fake.fail(*words, times=99)
        with server.running():
            arm = Arm(Known(), server.url)
            checks = list(doctor.checks(arm, AT, lambda host, schema: opened(fake, host, schema)))
            return {name: examine(name, check) for name, check in checks}


def opened(fake: FakeDatabricks, host: str, schema: str) -> Any:
    assert (host, schema) == (fake.wire.url, SCHEMA)
    return fake.service()


def put(*steps: Any) -> Break:
    """A document of the workspace with another value at this place; None takes it away."""

    def broken(_azure: Documents, workspace: Workspace) -> None:
        place: Any = workspace
        for step in steps[:-2]:
            place = place[step]
        if steps[-1] is None:
            del place[steps[-2]]
        else:
            place[steps[-2]] = steps[-1]

    return broken


def revoked(kind: str, name: str, privilege: str) -> Break:
    def broken(_azure: Documents, workspace: Workspace) -> None:
        (own,) = workspace[f"{CATALOG}/effective-permissions/{kind}/{name}"]["privilege_assignments"]
        left = [one for one in own["privileges"] if one["privilege"] != privilege]
        assert len(left) < len(own["privileges"])
        own["privileges"] = left

    return broken


def unset(name: str, value: str = "") -> Break:
    return lambda documents, _workspace: documents[SETTINGS]["properties"].update({name: value})


def unassigned(container: str) -> Break:
    return lambda documents, _workspace: documents.update({f"{CONTAINERS}/{container}{ASSIGNED}": {"value": []}})


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


def test_it_expects_the_roles_that_the_bicep_files_give_runs() -> None:
    containers = {"readable[index]": ("models", "incoming"), "writable[index]": ("datasets", "quarantine")}
    given = roles_of(files()["modules/databricks.bicep"])
    assert {roles.WHO[who] for who, _, _ in given} == {"runs on Databricks"}
    assert {(role, one) for _, role, on in given for one in containers[on]} == set(ROLES_OF_RUNS)


def test_an_installation_on_databricks_needs_no_topic_of_a_workspace() -> None:
    values = {name: name.lower() for name in NEEDED} | {"BATON_WORKSPACE_TOPIC": "", "BATON_PLATFORM": "databricks"}
    seen = find(values, Path("/nonexistent"))
    assert seen.on_databricks
    assert seen.topic_ids.keys() == {"storage", "custom"}
