"""Checks of what lies around the app: the subscription, storage, roles, the workspace, and who watches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from cli.cloud import app, grid
from cli.cloud.arm import Arm
from cli.cloud.expected import (
    APP_ROLES,
    BLOB_CONTRIBUTOR,
    CLUSTER_QUOTA,
    IMMUTABLE,
    OF_A_WORKSPACE,
    ON_A_WORKSPACE,
    PROVIDERS,
    ROLE_IDS,
)
from cli.cloud.installation import Installation
from cli.doctor import Check
from cli.machine import ROOT, Wrong
from shared import wiring

STORAGE, LEARNING, ROLES = "2025-06-01", "2025-06-01", "2022-04-01"
CLOCK = timedelta(minutes=5)
PROVISION = "azd provision"


def before(arm: Arm, at: Installation) -> Iterator[tuple[str, Check]]:
    """What must hold before anything can be deployed."""
    yield "subscription", partial(subscription, arm, at)
    yield "clock", partial(clock, arm)
    needed = [name for name in PROVIDERS if not (at.on_databricks and name in OF_A_WORKSPACE)]
    yield from ((f"provider {name}", partial(provider, arm, at.subscription, name)) for name in needed)
    yield "resource group", partial(group, arm, at)


def after(arm: Arm, at: Installation) -> Iterator[tuple[str, Check]]:
    """What the app needs around it."""
    yield "data account", partial(data_account, arm, at)
    yield "containers", partial(containers, arm, at)
    yield "queues", partial(queues, arm, at)
    yield "table", partial(table, arm, at)
    for role, thing in APP_ROLES:
        if not (at.on_databricks and thing in ON_A_WORKSPACE):
            yield f"role {role} on {thing}", partial(role_of_app, arm, at, role, thing)
    for name in at.topic_ids:
        yield f"dead letters of topic {name}", partial(dead_letters, arm, at, name)
    if not at.on_databricks:
        yield "workspace", partial(workspace, arm, at)
        yield "cluster", partial(cluster, arm, at)
        yield "quota", partial(quota, arm, at)
    yield "logs", partial(logs, arm, at)
    yield "alerts", partial(alerts, arm, at)


def subscription(arm: Arm, at: Installation) -> str:
    """Not disabled, and readable by who asks."""
    found = arm.get(f"/subscriptions/{at.subscription}", "2022-12-01")
    if found.get("state") != "Enabled":
        todo = "whoever pays enables it again: portal, Subscriptions"
        raise Wrong(f"the subscription is {found.get('state')}", next=todo)
    return str(found.get("displayName", at.subscription))


def clock(arm: Arm) -> str:
    """This machine's clock and Azure's agree: tokens and decisions carry times."""
    skew = arm.skew or timedelta(0)
    if abs(skew) > CLOCK:
        todo = "sudo timedatectl set-ntp true"
        raise Wrong(f"this clock is {skew.total_seconds():+.0f} s from Azure's", next=todo)
    return f"{skew.total_seconds():+.0f} s from Azure's"


def provider(arm: Arm, subscription: str, name: str) -> str:
    """Registered in that subscription, so that its resources can be made."""
    found = arm.get(f"/subscriptions/{subscription}/providers/{name}", "2021-04-01").get("registrationState")
    if found != "Registered":
        todo = f"az provider register --namespace {name} --subscription {subscription} --wait"
        raise Wrong(f"it is {found}", next=todo)
    return "registered"


def group(arm: Arm, at: Installation) -> str:
    """There."""
    found = arm.get(at.group_path, "2021-04-01")
    return f"{at.group} in {found['location']}"


def data_account(arm: Arm, at: Installation) -> str:
    """Closed to keys, strangers and old TLS."""
    found = arm.get(at.data_account, STORAGE)["properties"]
    wanted = {
        "allowSharedKeyAccess": False,
        "allowBlobPublicAccess": False,
        "supportsHttpsTrafficOnly": True,
        "minimumTlsVersion": "TLS1_2",
    }
    faults = [
        f"{name} is {found.get(name)}, must be {value}" for name, value in wanted.items() if found.get(name) != value
    ]
    if faults:
        raise Wrong("; ".join(faults), next=PROVISION)
    return at.data_account.rsplit("/", 1)[-1]


def containers(arm: Arm, at: Installation) -> str:
    """All there; the journal's cannot be changed."""
    listed = arm.all(f"{at.data_account}/blobServices/default/containers", STORAGE)
    found = {str(one["name"]): one["properties"] for one in listed}
    missing = sorted(set(wiring.CONTAINERS) - found.keys())
    if missing:
        raise Wrong(f"missing: {', '.join(missing)}", next=PROVISION)
    loose = [name for name in IMMUTABLE if not found[name].get("hasImmutabilityPolicy")]
    if loose:
        raise Wrong(f"{', '.join(loose)} can be changed: no immutability policy", next=PROVISION)
    return f"{len(found)}"


def queues(arm: Arm, at: Installation) -> str:
    """The doorbells and their poison queues."""
    listed = arm.all(f"{at.data_account}/queueServices/default/queues", STORAGE)
    wanted = {f"{queue}{end}" for queue in wiring.QUEUES for end in ("", "-poison")}
    missing = sorted(wanted - {str(one["name"]) for one in listed})
    if missing:
        raise Wrong(f"missing: {', '.join(missing)}", next=PROVISION)
    return f"{len(wanted)}"


def table(arm: Arm, at: Installation) -> str:
    """The ledger's."""
    listed = arm.all(f"{at.data_account}/tableServices/default/tables", STORAGE)
    if wiring.TABLE not in {str(one["name"]) for one in listed}:
        raise Wrong(f"{wiring.TABLE} is not there", next=PROVISION)
    return wiring.TABLE


def assigned(arm: Arm, scope: str, principal: str, role: str) -> None:
    """`Wrong` unless the identity has the role there, be it by a scope above."""
    place = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
    listed = arm.all(place, ROLES, **{"$filter": f"principalId eq '{principal}'"})
    if not any(str(one["properties"]["roleDefinitionId"]).endswith(ROLE_IDS[role]) for one in listed):
        todo = (
            f'az role assignment create --role "{role}" --assignee-object-id {principal} '
            f"--assignee-principal-type ServicePrincipal --scope {scope}; it takes up to ten minutes to spread"
        )
        raise Wrong("it is not given", next=todo)


def role_of_app(arm: Arm, at: Installation, role: str, thing: str) -> str:
    """Given to the app's identity."""
    assigned(arm, _place(arm, at, thing), app.principal(arm, at), role)
    return "given"


def _place(arm: Arm, at: Installation, thing: str) -> str:
    """The resource id of what a role is given on."""
    if thing == "the data account":
        return at.data_account
    if thing == "the custom topic":
        return at.topic_ids["custom"]
    if thing == "the ML workspace":
        return workspace_id(arm, at)
    if thing == "the workspace's own account":
        return str(arm.get(workspace_id(arm, at), LEARNING)["properties"]["storageAccount"])
    if thing == "Application Insights":
        return str(_component(arm, at)["id"])
    name = app.told(arm, at).get("AzureWebJobsStorage__accountName")
    if not name:
        raise Wrong("AzureWebJobsStorage__accountName is not set, so the host has no account", next=PROVISION)
    return f"{at.group_path}/providers/Microsoft.Storage/storageAccounts/{name}"


def dead_letters(arm: Arm, at: Installation, name: str) -> str:
    """The topic may write what it could not deliver."""
    assigned(arm, at.data_account, grid.identity(arm, at.topic_ids[name]), BLOB_CONTRIBUTOR)
    return f"{BLOB_CONTRIBUTOR} given"


def workspace_id(arm: Arm, at: Installation) -> str:
    """The workspace whose events the topic carries."""
    source = arm.get(at.topic_ids["workspace"], grid.GRID)["properties"].get("source")
    if not source:
        raise Wrong("the topic of the workspace has no source", next=PROVISION)
    return str(source)


def workspace(arm: Arm, at: Installation) -> str:
    """Made, and the one that the app believes."""
    place = workspace_id(arm, at)
    state = arm.get(place, LEARNING)["properties"].get("provisioningState")
    if state != "Succeeded":
        raise Wrong(f"the workspace is {state}", next=PROVISION)
    believed = app.told(arm, at).get("BATON_WORKSPACE_SOURCE", "")
    if believed.lower() != place.lower():
        what = f"events come from {place}, but the app believes {believed or 'none'}: they are refused"
        raise Wrong(what, next=PROVISION)
    return place.rsplit("/", 1)[-1]


def cluster(arm: Arm, at: Installation) -> str:
    """Made, and asleep when nothing runs."""
    name = app.told(arm, at).get("BATON_COMPUTE") or "cpu"
    found = arm.get(f"{workspace_id(arm, at)}/computes/{name}", LEARNING)["properties"]
    if found.get("provisioningState") != "Succeeded":
        raise Wrong(f"the cluster {name} is {found.get('provisioningState')}", next=PROVISION)
    least = ((found.get("properties") or {}).get("scaleSettings") or {}).get("minNodeCount", 0)
    if least:
        _, _, subscription, _, group, *_, named = workspace_id(arm, at).split("/")
        todo = (
            f"az ml compute update --name {name} --min-instances 0 --workspace-name {named} "
            f"--resource-group {group} --subscription {subscription}"
        )
        raise Wrong(f"the cluster {name} keeps {least} nodes running, which costs by the hour", next=todo)
    return f"{name}, asleep when idle"


def quota(arm: Arm, at: Installation) -> str:
    """Room for one more node. The sum of all families is what a cluster meets first."""
    location = str(arm.get(workspace_id(arm, at), LEARNING)["location"]).replace(" ", "").lower()
    place = f"/subscriptions/{at.subscription}/providers/Microsoft.MachineLearningServices/locations/{location}/usages"
    found = [one for one in arm.all(place, LEARNING) if (one.get("name") or {}).get("localizedValue") == CLUSTER_QUOTA]
    if not found:
        raise Wrong(f"{CLUSTER_QUOTA} is not listed for {location}", next="look at Quota in Azure ML studio")
    used, limit = int(found[0].get("currentValue", 0)), int(found[0].get("limit", 0))
    if 0 <= limit <= used:
        todo = f"ask for more: Azure ML studio, Quota, {CLUSTER_QUOTA}, {location}"
        raise Wrong(f"{used} of {limit} vCPUs are used: no run can start", next=todo)
    return f"{used} of {limit} vCPUs used"


def _component(arm: Arm, at: Installation) -> Mapping[str, Any]:
    listed = arm.all(f"{at.group_path}/providers/Microsoft.Insights/components", "2020-02-02")
    if not listed:
        raise Wrong("there is no Application Insights: nothing is logged", next=PROVISION)
    return listed[0]


def logs(arm: Arm, at: Installation) -> str:
    """Lines arrive by identity only, and the day's cap is not reached."""
    component = _component(arm, at)["properties"]
    if component.get("DisableLocalAuth") is not True:
        raise Wrong("Application Insights takes lines from whoever has its key", next=PROVISION)
    found = arm.get(str(component["WorkspaceResourceId"]), "2025-02-01")["properties"]
    capping = found.get("workspaceCapping") or {}
    if capping.get("dataIngestionStatus") == "OverQuota":
        todo = (
            "find what floods the log first; then raise dailyQuotaGb in infra/modules/monitoring.bicep; azd provision"
        )
        raise Wrong(f"the day's cap of {capping.get('dailyQuotaGb')} GB is reached: lines are dropped", next=todo)
    return f"at most {capping.get('dailyQuotaGb')} GB a day"


def alerts(arm: Arm, at: Installation) -> str:
    """Every alert is there and switched on."""
    listed = arm.all(f"{at.group_path}/providers/Microsoft.Insights/scheduledQueryRules", "2023-12-01")
    found = {str(one["name"]): one["properties"] for one in listed}
    wanted = [str(one["name"]) for one in json.loads((ROOT / "infra" / "alerts.json").read_text())["alerts"]]
    state = {name: next((rule for full, rule in found.items() if full.endswith(f"-{name}")), None) for name in wanted}
    missing = [name for name, rule in state.items() if rule is None]
    if missing:
        raise Wrong(f"missing: {', '.join(missing)}", next=PROVISION)
    off = [name for name, rule in state.items() if rule is not None and rule.get("enabled") is not True]
    if off:
        raise Wrong(f"switched off: {', '.join(off)}", next=PROVISION)
    return f"{len(wanted)} watch"
