"""`baton doctor --azure` against a resource manager at the wire: whole, and with one thing broken at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from cli.cloud import doctor
from cli.cloud.arm import Arm
from cli.cloud.expected import APP_ROLES, CONTAINER_INSTANCES, DEAD_LETTERS, IMMUTABLE, PROVIDERS, ROLE_IDS
from cli.cloud.grid import rules
from cli.cloud.installation import NEEDED, find
from cli.doctor import Finding, examine
from cli.machine import Wrong
from tests import roles
from tests.bicep import files
from tests.infra_rules import ROLES, roles_of
from tests.unit.test_infra import listed
from tests.wire import arm as wire
from tests.wire.arm import APP, ASSIGNED, AT, DATA, GROUP, LOGS, SUBSCRIPTION, USAGES, WORKSPACE, Documents
from tests.wire.server import WireServer

Break = Callable[[Documents], None]
SETTINGS = f"POST {APP}/config/appsettings/list"
AUTH = f"{APP}/config/authsettingsV2"
TOPICS = AT.topic_ids
DROPS = f"{TOPICS['storage']}/eventSubscriptions/on-new-data"


class Known:
    """A caller whose token the fake knows."""

    def get_token(self, *_scopes: str, **_more: Any) -> AccessToken:
        return AccessToken("a-token", int(time.time()) + 3600)


def found(documents: Documents, only: str = "", **faults: Any) -> dict[str, Finding]:
    """What the doctor says of an installation, by check: of all, or of one alone."""
    server = WireServer()
    wire.serve(server, documents)
    for fault in faults.get("orders", ()):
        server.fail(*fault["words"], **fault.get("more", {}))
    with server.running():
        arm = Arm(Known(), server.url)
        return {name: examine(name, check) for name, check in doctor.checks(arm, AT) if only in ("", name)}


def wrong(findings: dict[str, Finding]) -> dict[str, Finding]:
    return {name: one for name, one in findings.items() if not one.is_well}


def gone(path: str) -> Break:
    return lambda documents: documents.pop(path) and None


def without(path: str, name: str) -> Break:
    """A list without the entry of this name."""

    def broken(documents: Documents) -> None:
        left = [one for one in documents[path]["value"] if not str(one["name"]).endswith(name)]
        assert len(left) < len(documents[path]["value"])
        documents[path]["value"] = left

    return broken


def put(path: str, *steps: Any) -> Break:
    """A document with another value at this place; the last step is the value, `None` takes the key away."""

    def broken(documents: Documents) -> None:
        place = documents[path]
        for step in steps[:-2]:
            place = place[step]
        if steps[-1] is None:
            del place[steps[-2]]
        else:
            place[steps[-2]] = steps[-1]

    return broken


def on_containers(state: str) -> Break:
    """Versions are served on container instances, whose provider is in this state."""

    def broken(documents: Documents) -> None:
        documents[SETTINGS]["properties"] |= {"BATON_SERVING": "aci"}
        provider = {"namespace": CONTAINER_INSTANCES, "registrationState": state}
        documents[f"/subscriptions/{SUBSCRIPTION}/providers/{CONTAINER_INSTANCES}"] = provider

    return broken


def unassigned(scope: str, role: str, principal: str = "") -> Break:
    def broken(documents: Documents) -> None:
        given = documents[f"{scope}{ASSIGNED}"]["value"]
        left = [
            one
            for one in given
            if not one["properties"]["roleDefinitionId"].endswith(ROLE_IDS[role])
            or principal not in one["properties"]["principalId"]
        ]
        assert len(left) == len(given) - 1
        documents[f"{scope}{ASSIGNED}"]["value"] = left

    return broken


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
    "a cluster that never sleeps": (put(f"{WORKSPACE}/computes/cpu", "properties", "properties", "scaleSettings", "minNodeCount", 1), "cluster", "keeps 1 nodes", "--min-instances 0"),
    "no cluster that serves": (gone(f"{WORKSPACE}/computes/aks"), "serving", "no cluster 'aks' is attached", "BATON_SERVING aci"),
    "a cluster that serves no more": (
        put(f"{WORKSPACE}/computes/aks", "properties", "provisioningState", "Failed"), "serving", "aks is Failed", "Compute"),
    "no container instances": (on_containers("NotRegistered"), "serving", "it is NotRegistered", "az provider register --namespace Microsoft.ContainerInstance"),
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
        (put(SETTINGS, "properties", "BATON_PLATFORM", "azureml_v2"), "managed endpoints"),
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
    assert "az role assignment create --role Reader" in findings["app settings"].next


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


# What it expects is what the Bicep files make


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


# Which installation


def test_azds_default_environment_is_found(tmp_path: Path) -> None:
    (tmp_path / ".azure" / "dev").mkdir(parents=True)
    (tmp_path / ".azure" / "config.json").write_text('{"version": 1, "defaultEnvironment": "dev"}')
    lines = [f'{name}="{name.lower()}"' for name in NEEDED]
    (tmp_path / ".azure" / "dev" / ".env").write_text("\n".join(lines) + "\n")
    seen = find({"AZURE_RESOURCE_GROUP": "other"}, tmp_path)
    assert (seen.subscription, seen.group, seen.topics["custom"]) == (
        "azure_subscription_id",
        "other",
        "baton_custom_topic",
    )


def test_without_an_environment_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP") as fault:
        find({}, tmp_path)
    assert "azd env refresh" in fault.value.next


def test_every_needed_value_is_an_output_of_the_bicep_files() -> None:
    outputs = files()["main.bicep"]
    assert all(f"output {name} " in outputs for name in NEEDED if name != "AZURE_SUBSCRIPTION_ID")
