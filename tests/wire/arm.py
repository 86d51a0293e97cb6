"""Azure Resource Manager with one whole Baton deployed, as far as `baton doctor --azure` reads it.

Shapes are those of the types that the Bicep files are checked against, and of the operations' own pages
(learn.microsoft.com/rest/api: resources, authorization, appservice, storagerp, eventgrid, azureml, monitor). A path that
is not here, or another API version than it has there, fails the test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from cli.cloud.expected import APP_ROLES, BLOB_CONTRIBUTOR, CLUSTER_QUOTA, MANAGED_ENDPOINTS, PROVIDERS, ROLE_IDS
from cli.cloud.grid import rules
from cli.cloud.installation import Installation
from shared import chain, wiring
from tests.bicep import INFRA
from tests.wire.server import Answer, Asked, WireServer

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-baton"
APP = f"{GROUP}/providers/Microsoft.Web/sites/func-baton-x"
DATA = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stdatax"
HOST = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/sthostx"
OWN = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stmlx"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/mlw-x"
COMPONENT = f"{GROUP}/providers/Microsoft.Insights/components/appi-x"
LOGS = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/log-x"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-x"
PRINCIPAL = "aaaaaaaa-0000-0000-0000-000000000001"
USAGES = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/locations/westeurope/usages"
AT = Installation(SUBSCRIPTION, "rg-baton", APP, DATA, {"storage": "evgt-s", "workspace": "evgt-w", "custom": "evgt-c"})
VERSIONS = (  # the API version that each path has, the last pattern that fits
    (r"/subscriptions/[^/]+", "2022-12-01"),
    (r"/subscriptions/[^/]+/providers/[^/]+", "2021-04-01"),
    (re.escape(GROUP), "2021-04-01"),
    (r".*/sites/.*", "2024-11-01"),
    (r".*/storageAccounts/.*", "2025-06-01"),
    (r".*/Microsoft\.EventGrid/.*", "2025-02-15"),
    (r".*/Microsoft\.MachineLearningServices/.*", "2025-06-01"),
    (r".*/components", "2020-02-02"),
    (r".*/Microsoft\.OperationalInsights/.*", "2025-02-01"),
    (r".*/scheduledQueryRules", "2023-12-01"),
    (r".*/accessConnectors/[^/]+", "2024-05-01"),
    (r".*/userAssignedIdentities/[^/]+", "2024-11-30"),
    (r".*/roleAssignments", "2022-04-01"),
)
Documents = dict[str, Any]


def deployed() -> Documents:
    """Path to document of everything, whole. `POST path` for what is listed by POST."""
    return {**_around(), **_app(), **_storage(), **_grid(), **_learning(), **_watching(), **_roles()}


def _around() -> Documents:
    base = f"/subscriptions/{SUBSCRIPTION}"
    return {
        base: {"state": "Enabled", "displayName": "Ours", "subscriptionId": SUBSCRIPTION},
        GROUP: {"id": GROUP, "location": "westeurope", "properties": {"provisioningState": "Succeeded"}},
        **{
            f"{base}/providers/{name}": {"namespace": name, "registrationState": "Registered"}
            for name in (*PROVIDERS, *MANAGED_ENDPOINTS)
        },
    }


def _app() -> Documents:
    names = sorted({*(row.function for row in chain.TABLE), *wiring.QUEUES})
    indexed = [{"name": f"func-baton-x/{name}", "properties": {"name": name, "isDisabled": False}} for name in names]
    given = {"clientId": "c", "principalId": PRINCIPAL}
    auth = {
        "platform": {"enabled": True},
        "globalValidation": {"requireAuthentication": True, "excludedPaths": ["/runtime/webhooks/*", "/api/health"]},
    }
    return {
        APP: {
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: given}},
            "properties": {"state": "Running", "httpsOnly": True},
        },
        f"POST {APP}/config/appsettings/list": {"properties": _settings()},
        f"{APP}/config/authsettingsV2": {"properties": auth},
        f"{APP}/functions": {"value": indexed},
    }


def _settings() -> dict[str, str]:
    uris = {
        f"BATON_DATA__{kind}ServiceUri": f"https://stdatax.{kind}.core.windows.net"
        for kind in ("blob", "queue", "table")
    }
    identity = {
        f"{name}__{part}": "x" for name in ("AzureWebJobsStorage", "BATON_DATA") for part in ("credential", "clientId")
    }
    return {
        **uris,
        **identity,
        "AzureWebJobsStorage__accountName": "sthostx",
        "BATON_PLATFORM": "azureml",
        "BATON_SWEEP": "0 * * * * *",
        "BATON_URL": "https://func-baton-x.azurewebsites.net",
        "BATON_APPROVAL_KEY": "k" * 32,
        "BATON_SIGNING_KEY": "0" * 64,
        "BATON_WORKSPACE_SOURCE": WORKSPACE,
        "BATON_AKS": "aks",
        "BATON_SCORING_LOGS": "a-1",
        "BATON_COMPUTE": "cpu",
    }


def _storage() -> Documents:
    closed = {
        "allowSharedKeyAccess": False,
        "allowBlobPublicAccess": False,
        "supportsHttpsTrafficOnly": True,
        "minimumTlsVersion": "TLS1_2",
    }
    kept = [
        {"name": name, "properties": {"hasImmutabilityPolicy": name in ("journal", "access")}}
        for name in wiring.CONTAINERS
    ]
    queues = [{"name": f"{queue}{end}", "properties": {}} for queue in wiring.QUEUES for end in ("", "-poison")]
    return {
        DATA: {"id": DATA, "properties": closed},
        f"{DATA}/blobServices/default/containers": {"value": kept},
        f"{DATA}/queueServices/default/queues": {"value": queues},
        f"{DATA}/tableServices/default/tables": {"value": [{"name": wiring.TABLE, "properties": {}}]},
    }


def _grid() -> Documents:
    made: Documents = {}
    for number, (name, place) in enumerate(AT.topic_ids.items()):
        source = {"workspace": WORKSPACE, "storage": DATA}.get(name, "")
        identity = {"type": "SystemAssigned", "principalId": f"bbbbbbbb-0000-0000-0000-00000000000{number}"}
        made[place] = {"identity": identity, "properties": {"provisioningState": "Succeeded", "source": source}}
    for rule in rules():
        made[f"{AT.topic_ids[rule['topic']]}/eventSubscriptions/{rule['name']}"] = {"properties": _subscribed(rule)}
    return made


def _subscribed(rule: Mapping[str, Any]) -> dict[str, Any]:
    destination = {"resourceId": f"{APP}/functions/{rule['function']}", "maxEventsPerBatch": 1}
    letters = {"resourceId": DATA, "blobContainerName": "deadletter"}
    return {
        "provisioningState": "Succeeded",
        "eventDeliverySchema": "EventGridSchema",
        "destination": {"endpointType": "AzureFunction", "properties": destination},
        "filter": {name: rule[name] for name in ("includedEventTypes", "subjectBeginsWith", "advancedFilters")},
        "retryPolicy": {name: rule[name] for name in ("maxDeliveryAttempts", "eventTimeToLiveInMinutes")},
        "deadLetterWithResourceIdentity": {
            "identity": {"type": "SystemAssigned"},
            "deadLetterDestination": {"endpointType": "StorageBlob", "properties": letters},
        },
    }


def _learning() -> Documents:
    made = {"provisioningState": "Succeeded", "storageAccount": OWN}
    scale = {"minNodeCount": 0, "maxNodeCount": 2}
    return {
        WORKSPACE: {"id": WORKSPACE, "location": "westeurope", "properties": made},
        f"{WORKSPACE}/computes/aks": {"properties": {"computeType": "AKS", "provisioningState": "Succeeded"}},
        f"{WORKSPACE}/computes/cpu": {
            "properties": {"provisioningState": "Succeeded", "properties": {"scaleSettings": scale}}
        },
        USAGES: {
            "value": [
                {"currentValue": 0, "limit": 200, "name": {"localizedValue": "Total Clusters"}},
                {"currentValue": 4, "limit": 20, "name": {"localizedValue": CLUSTER_QUOTA}},
            ]
        },
    }


def _watching() -> Documents:
    names = [rule["name"] for rule in json.loads((INFRA / "alerts.json").read_text())["alerts"]]
    watching = [{"name": f"alert-baton-x-{name}", "properties": {"enabled": True}} for name in names]
    component = {"id": COMPONENT, "properties": {"DisableLocalAuth": True, "WorkspaceResourceId": LOGS}}
    capping = {"dailyQuotaGb": 2.0, "dataIngestionStatus": "RespectQuota"}
    return {
        f"{GROUP}/providers/Microsoft.Insights/components": {"value": [component]},
        LOGS: {"properties": {"workspaceCapping": capping}},
        f"{GROUP}/providers/Microsoft.Insights/scheduledQueryRules": {"value": watching},
    }


PLACES = {
    "the data account": DATA,
    "the host's account": HOST,
    "the ML workspace": WORKSPACE,
    "the workspace's own account": OWN,
    "the custom topic": AT.topic_ids["custom"],
    "Application Insights": COMPONENT,
}


def _roles() -> Documents:
    given: dict[str, list[Any]] = {f"{place}{ASSIGNED}": [] for place in PLACES.values()}
    for role, thing in APP_ROLES:
        given[f"{PLACES[thing]}{ASSIGNED}"].append(_assignment(role, PRINCIPAL))
    for number in range(3):
        given[f"{DATA}{ASSIGNED}"].append(_assignment(BLOB_CONTRIBUTOR, f"bbbbbbbb-0000-0000-0000-00000000000{number}"))
    return {path: {"value": assignments} for path, assignments in given.items()}


ASSIGNED = "/providers/Microsoft.Authorization/roleAssignments"


def _assignment(role: str, principal: str) -> dict[str, Any]:
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ROLE_IDS[role]}"
    return {"properties": {"roleDefinitionId": definition, "principalId": principal}}


def serve(wire: WireServer, documents: Documents, *, page: int = 4) -> None:
    """Answer with these documents, lists by pages; what is not among them is 404 where the whole installation has it."""

    def answer(asked: Asked) -> Answer:
        assert asked.headers["authorization"] == "Bearer a-token", "who asks is not told"
        wanted = next(version for pattern, version in reversed(VERSIONS) if re.fullmatch(pattern, asked.path))
        assert asked.query["api-version"] == wanted, f"{asked.path} has no version {asked.query['api-version']}"
        found = documents.get(f"POST {asked.path}" if asked.method == "POST" else asked.path)
        if found is None:
            return Answer(404, {"error": {"code": "ResourceNotFound", "message": "The resource was not found."}})
        return Answer(200, _page(wire, asked, found, page) if "value" in found else found)

    for path in {**deployed(), **documents}:
        method = "POST" if path.startswith("POST ") else "GET"
        wire.route(method, re.escape(path.removeprefix("POST ")), answer)


def _page(wire: WireServer, asked: Asked, found: Mapping[str, Any], size: int) -> dict[str, Any]:
    entries = found["value"]
    if wanted := re.fullmatch(r"principalId eq '(.+)'", asked.query.get("$filter", "")):
        entries = [one for one in entries if one["properties"]["principalId"] == wanted[1]]
    start = int(asked.query.get("$skiptoken", "0"))
    page: dict[str, Any] = {"value": entries[start : start + size]}
    if start + size < len(entries):
        more = "&".join(f"{name}={value}" for name, value in asked.query.items() if name != "$skiptoken")
        page["nextLink"] = f"{wire.url}{asked.path}?{more}&$skiptoken={start + size}"
    return page
