"""What `baton doctor --azure` says of an installation on Databricks at the wire, and ways to break one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cli.cloud import doctor
from cli.cloud.arm import Arm
from cli.cloud.expected import ROLE_IDS, ROLES_OF_RUNS
from cli.cloud.installation import Installation
from cli.doctor import Finding, examine
from shared.names import digest
from tests.integration.doctoring import SETTINGS, Known, set_at
from tests.unit.test_settings import ON_DATABRICKS
from tests.wire import arm as wire
from tests.wire import databricks_workspace as at_databricks
from tests.wire.arm import APP, ASSIGNED, DATA, GROUP, SUBSCRIPTION, Documents
from tests.wire.databricks import SCHEMA, FakeDatabricks
from tests.wire.databricks_workspace import CATALOG
from tests.wire.server import WireServer

AT = Installation(SUBSCRIPTION, "rg-baton", APP, DATA, {"storage": "evgt-s", "custom": "evgt-c"}, "databricks")
OWN_ID, RUNS = "c", "cccccccc-0000-0000-0000-000000000001"
CONNECTOR = f"{GROUP}/providers/Microsoft.Databricks/accessConnectors/runs"
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
    return lambda _azure, workspace: set_at(workspace, *steps)


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
