"""`baton doctor --azure` against a resource manager at the wire: whole, and with one thing broken at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli.cloud import doctor
from cli.cloud.arm import Arm
from cli.cloud.expected import APP_ROLES, MANAGED_ENDPOINTS, PROVIDERS
from cli.cloud.grid import rules
from cli.doctor import examine
from tests.integration.doctoring import (
    SETTINGS,
    Break,
    Known,
    found,
    gone,
    on_containers,
    on_endpoints,
    put,
    unassigned,
    without,
    wrong,
)
from tests.wire import arm as wire
from tests.wire.arm import APP, AT, DATA, GROUP, LOGS, SUBSCRIPTION, USAGES, WORKSPACE
from tests.wire.server import WireServer

AUTH = f"{APP}/config/authsettingsV2"
TOPICS = AT.topic_ids
DROPS = f"{TOPICS['storage']}/eventSubscriptions/on-new-data"


# ruff: noqa: E501 - a case stands on one line
CASES: dict[str, tuple[Break, str, str, str]] = {
    # what is broken: (how, which check, what it says, the command that mends it)
    "disabled subscription": (
        put(f"/subscriptions/{SUBSCRIPTION}", "state", "Disabled"), "subscription", "is Disabled", "portal"),
    "no group": (gone(GROUP), "resource group", "is not there", "azd provision"),
    "no app": (gone(APP), "app", "is not there", "azd provision"),
    "stopped app": (put(APP, "properties", "state", "Stopped"), "app", "is Stopped", "az functionapp start"),
    "app without TLS": (put(APP, "properties", "httpsOnly", False), "app", "without TLS", "azd provision"),
    "app without identity": (put(APP, "identity", None), "app", "no identity", "azd provision"),
    "a key missing": (put(SETTINGS, "properties", "BATON_APPROVAL_KEY", None), "app settings", "BATON_APPROVAL_KEY is missing", "azd provision"),
    "an endpoint missing": (put(SETTINGS, "properties", "BATON_DATA__tableServiceUri", None), "app settings", "BATON_DATA is missing", "azd provision"),
    "a trigger's identity missing": (put(SETTINGS, "properties", "BATON_DATA__clientId", None), "app settings", "wakes the app", "azd provision"),
    "no schedule of the sweep": (put(SETTINGS, "properties", "BATON_SWEEP", None), "app settings", "BATON_SWEEP missing", "azd provision"),
    "a plain connection": (put(SETTINGS, "properties", "AzureWebJobsStorage", "x"), "app settings", "wins over", "az functionapp config appsettings delete"),
    "an unknown platform": (put(SETTINGS, "properties", "BATON_PLATFORM", "azure"), "app settings", "must be one of", "azd provision"),
    "no sign-in": (put(AUTH, "properties", "platform", "enabled", False), "sign-in", "nobody can sign in", "BATON_SIGN_IN_CLIENT_ID"),
    "sign-in not required": (put(AUTH, "properties", "globalValidation", "requireAuthentication", False), "sign-in", "without a sign-in", "azd provision"),
    "webhooks not excluded": (put(AUTH, "properties", "globalValidation", "excludedPaths", ["/api/health"]), "sign-in", "Event Grid is turned away", "azd provision"),
    "no functions": (put(f"{APP}/functions", "value", []), "functions", "no function is indexed", "azd deploy"),
    "a function missing": (without(f"{APP}/functions", "on_new_data"), "functions", "not indexed: on_new_data", "azd deploy"),
    "a function off": (put(f"{APP}/functions", "value", 0, "properties", "isDisabled", True), "functions", "switched off: advance", "appsettings delete"),
    "no data account": (gone(DATA), "data account", "is not there", "azd provision"),
    "keys accepted": (put(DATA, "properties", "allowSharedKeyAccess", True), "data account", "allowSharedKeyAccess is True", "azd provision"),
    "old TLS": (put(DATA, "properties", "minimumTlsVersion", "TLS1_0"), "data account", "minimumTlsVersion is TLS1_0", "azd provision"),
    "public blobs": (put(DATA, "properties", "allowBlobPublicAccess", True), "data account", "allowBlobPublicAccess", "azd provision"),
    "no dead-letter container": (without(f"{DATA}/blobServices/default/containers", "deadletter"), "containers", "missing: deadletter", "azd provision"),
    "a journal that can be changed": (put(f"{DATA}/blobServices/default/containers", "value", 6, "properties", "hasImmutabilityPolicy", False), "containers", "journal can be changed", "azd provision"),
    "no poison queue": (without(f"{DATA}/queueServices/default/queues", "perform-poison"), "queues", "missing: perform-poison", "azd provision"),
    "no ledger": (put(f"{DATA}/tableServices/default/tables", "value", []), "table", "ledger is not there", "azd provision"),
    "no topic": (gone(TOPICS["custom"]), "topic custom", "is not there", "azd provision"),
    "a topic in the making": (put(TOPICS["storage"], "properties", "provisioningState", "Creating"), "topic storage", "is Creating", "azd provision"),
    "a topic without identity": (put(TOPICS["storage"], "identity", None), "topic storage", "no identity", "azd provision"),
    "a subscription that failed": (put(DROPS, "properties", "provisioningState", "AwaitingManualAction"), "subscription on-new-data", "AwaitingManualAction", "infra/subscribe.sh"),
    "to another function": (put(DROPS, "properties", "destination", "properties", "resourceId", f"{APP}/functions/on_request"), "subscription on-new-data", "not to on_new_data", "infra/subscribe.sh"),
    "to a queue": (put(DROPS, "properties", "destination", {"endpointType": "StorageQueue"}), "subscription on-new-data", "to StorageQueue", "infra/subscribe.sh"),
    "another schema": (put(DROPS, "properties", "eventDeliverySchema", "CloudEventSchemaV1_0"), "subscription on-new-data", "not as EventGridSchema", "infra/subscribe.sh"),
    "other events": (put(DROPS, "properties", "filter", "includedEventTypes", ["Microsoft.Storage.BlobDeleted"]), "subscription on-new-data", "BlobDeleted", "infra/subscribe.sh"),
    "no subject filter": (put(DROPS, "properties", "filter", "subjectBeginsWith", ""), "subscription on-new-data", "must begin with ''", "infra/subscribe.sh"),
    "no advanced filter": (put(DROPS, "properties", "filter", "advancedFilters", []), "subscription on-new-data", "advanced filters are []", "infra/subscribe.sh"),
    "fewer tries": (put(DROPS, "properties", "retryPolicy", "maxDeliveryAttempts", 1), "subscription on-new-data", "maxDeliveryAttempts is 1, not 30", "infra/subscribe.sh"),
    "no dead letters": (put(DROPS, "properties", "deadLetterWithResourceIdentity", None), "subscription on-new-data", "is lost", "infra/subscribe.sh"),
    "no source of the workspace": (put(TOPICS["workspace"], "properties", "source", ""), "workspace", "has no source", "azd provision"),
    "a workspace that failed": (put(WORKSPACE, "properties", "provisioningState", "Failed"), "workspace", "is Failed", "azd provision"),
    "another workspace believed": (put(SETTINGS, "properties", "BATON_WORKSPACE_SOURCE", WORKSPACE + "2"), "workspace", "they are refused", "azd provision"),
    "no cluster": (gone(f"{WORKSPACE}/computes/cpu"), "cluster", "is not there", "azd provision"),
    "a cluster that never sleeps": (put(f"{WORKSPACE}/computes/cpu", "properties", "properties", "scaleSettings", "minNodeCount", 1), "cluster", "keeps 1 nodes", "az ml compute update --name cpu --min-instances 0 --workspace-name mlw-x --resource-group rg-baton --subscription "),
    "no cluster that serves": (gone(f"{WORKSPACE}/computes/aks"), "serving", "no cluster 'aks' is attached", "BATON_SERVING aci"),
    "a cluster that serves no more": (
        put(f"{WORKSPACE}/computes/aks", "properties", "provisioningState", "Failed"), "serving", "aks is Failed", "Compute"),
    "no container instances": (on_containers("NotRegistered"), "serving", "it is NotRegistered", "az provider register --namespace Microsoft.ContainerInstance"),
    **{f"no {name}": (on_endpoints(name), "serving", f"no endpoint can be made: {name}: it is NotRegistered", f"az provider register --namespace {name} --subscription {SUBSCRIPTION}") for name in MANAGED_ENDPOINTS},
    "no quota": (put(USAGES, "value", 1, "limit", 0), "quota", "no run can start", "ask for more"),
    "quota used up": (put(USAGES, "value", 1, "currentValue", 20), "quota", "20 of 20 vCPUs", "ask for more"),
    "no logs": (put(f"{GROUP}/providers/Microsoft.Insights/components", "value", []), "logs", "nothing is logged", "azd provision"),
    "logs from anybody": (put(f"{GROUP}/providers/Microsoft.Insights/components", "value", 0, "properties", "DisableLocalAuth", False), "logs", "whoever has its key", "azd provision"),
    "cap of the day reached": (put(LOGS, "properties", "workspaceCapping", "dataIngestionStatus", "OverQuota"), "logs", "lines are dropped", "dailyQuotaGb"),
    "an alert missing": (without(f"{GROUP}/providers/Microsoft.Insights/scheduledQueryRules", "-poison"), "alerts", "missing: poison", "azd provision"),
    "an alert off": (put(f"{GROUP}/providers/Microsoft.Insights/scheduledQueryRules", "value", 0, "properties", "enabled", False), "alerts", "switched off", "azd provision"),
    **{f"provider {name}": (put(f"/subscriptions/{SUBSCRIPTION}/providers/{name}", "registrationState", "NotRegistered"), f"provider {name}", "NotRegistered", f"az provider register --namespace {name}") for name in PROVIDERS},
    **{f"role {role} on {thing}": (unassigned(wire.PLACES[thing], role, wire.PRINCIPAL), f"role {role} on {thing}", "not given", f'az role assignment create --role "{role}"') for role, thing in APP_ROLES},
    **{f"subscription {rule['name']}": (gone(f"{TOPICS[rule['topic']]}/eventSubscriptions/{rule['name']}"), f"subscription {rule['name']}", "wake nobody", "infra/subscribe.sh") for rule in rules()},
    **{f"dead letters of {name}": (unassigned(DATA, "Storage Blob Data Contributor", f"bbbbbbbb-0000-0000-0000-00000000000{number}"), f"dead letters of topic {name}", "not given", "az role assignment create") for number, name in enumerate(TOPICS)},
}  # fmt: skip


def test_a_whole_installation_is_well() -> None:
    findings = found(wire.deployed())
    assert wrong(findings) == {}
    assert len(findings) > 40


@pytest.mark.parametrize("case", CASES)
def test_one_thing_broken_is_found_with_the_command_that_mends_it(case: str) -> None:
    breaks, check, what, mends = CASES[case]
    documents = wire.deployed()
    breaks(documents)
    finding = wrong(found(documents, only=check))[check]
    assert what in finding.what
    assert mends in finding.next


def test_there_are_thirty_cases_and_more() -> None:
    assert len(CASES) >= 30


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda documents: None, "on aks"),
        (on_containers("Registered"), "container instances, registered"),
        (on_endpoints(), "managed endpoints, Microsoft.Cdn registered, Microsoft.PolicyInsights registered"),
    ],
    ids=["aks", "aci", "v2"],
)
def test_it_says_on_what_versions_are_served(change: Break, what: str) -> None:
    documents = wire.deployed()
    change(documents)
    finding = found(documents, only="serving")["serving"]
    assert (finding.is_well, finding.what) == (True, what)


def test_a_clock_that_is_wrong_is_told() -> None:
    server = WireServer()
    wire.serve(server, wire.deployed())
    with server.running():
        arm = Arm(Known(), server.url, clock=lambda: datetime.now(UTC) + timedelta(minutes=15))
        findings = {name: examine(name, check) for name, check in list(doctor.checks(arm, AT))[:2]}
    assert list(wrong(findings)) == ["clock"]
    assert "this clock is +9" in findings["clock"].what
    assert "timedatectl" in findings["clock"].next


def test_what_the_caller_may_not_read_is_told_with_the_role_that_it_takes() -> None:
    refused = {"words": ("POST", "appsettings/list", 403), "more": {"times": 99}}
    findings = wrong(found(wire.deployed(), orders=[refused]))
    assert "you may not read" in findings["app settings"].what
    assert (
        f'az role assignment create --role "Website Contributor" --assignee YOU --scope {APP},'
        in findings["app settings"].next
    )
    findings = wrong(
        found(wire.deployed(), only="subscription", orders=[{"words": ("GET", ".", 403), "more": {"times": 99}}])
    )
    assert 'az role assignment create --role "Reader"' in findings["subscription"].next


def test_a_caller_whom_azure_does_not_know_is_sent_to_sign_in() -> None:
    refused = {"words": ("GET", ".", 401), "more": {"times": 999}}
    findings = wrong(found(wire.deployed(), orders=[refused]))
    assert findings["subscription"].next == "az login"


def test_a_throttle_is_waited_for() -> None:
    busy = {"words": ("GET", rf"^{GROUP}$", 429), "more": {"headers": {"Retry-After": "0"}, "times": 2}}
    assert wrong(found(wire.deployed(), orders=[busy])) == {}


def test_no_secret_is_shown() -> None:
    documents = wire.deployed()
    documents[SETTINGS]["properties"]["BATON_PLATFORM"] = "azure"
    told = "".join(f"{one.what}{one.next}" for one in found(documents).values())
    assert "k" * 32 not in told
    assert "0" * 64 not in told
