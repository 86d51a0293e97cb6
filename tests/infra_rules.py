"""Rules over the Bicep files about what belongs together: each gives its faults, for a test with a broken input each.

What a single resource must say stands in tests/checkov/doors.py, since checkov resolves variables, conditions and resources inside others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from shared.watching.alerts import ALERTS
from tests.bicep import Declared, declared, properties, text, variables

# The built-in roles' ids as the modules of Azure/bicep-registry-modules name them (`avm/res/*/main.bicep`, 2026-08).
ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "73c42c96-874c-492b-b04d-ab87d138a893": "Log Analytics Reader",
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05": "Monitoring Reader",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "d5a91429-5739-47e2-a06b-3470a27159e7": "EventGrid Data Sender",
    "f6c7c914-8db3-469d-8ca1-694a8f32e121": "AzureML Data Scientist",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
}
TOO_MUCH = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Microsoft's "Naming rules and restrictions for Azure resources" (resource-name-rules): length and characters.
NAMES = {
    "Microsoft.Resources/resourceGroups": r"[A-Za-z0-9._()-]{0,89}[A-Za-z0-9_()-]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/blobServices/containers": r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*",
    "Microsoft.Storage/storageAccounts/queueServices/queues": r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*",
    "Microsoft.Storage/storageAccounts/tableServices/tables": r"[A-Za-z][A-Za-z0-9]{2,62}",
    "Microsoft.KeyVault/vaults": r"(?=.{3,24}$)[A-Za-z](-?[A-Za-z0-9])*",
    "Microsoft.ContainerRegistry/registries": r"[A-Za-z0-9]{5,50}",
    "Microsoft.MachineLearningServices/workspaces": r"[A-Za-z0-9][A-Za-z0-9_-]{2,32}",
    "Microsoft.MachineLearningServices/workspaces/computes": r"(?=.{2,32}$)[a-z]([a-z0-9-]*[a-z0-9])",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}",
    "Microsoft.Web/serverfarms": r"[A-Za-z0-9-]{1,60}",
    "Microsoft.Web/sites": r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])",  # 32: what is longer is cut in the host's own id
    "Microsoft.OperationalInsights/workspaces": r"(?=.{4,63}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])",
    "Microsoft.Insights/components": r"[^%&\\?/]{0,259}[^%&\\?/. ]",
    "Microsoft.Insights/actionGroups": r"[^/&%?\\]{0,259}[^/&%?\\. ]",
    "Microsoft.Insights/scheduledQueryRules": r"[^*#&+:<>?@%{}\\/]{0,259}[^*#&+:<>?@%{}\\/. ]",
    "Microsoft.EventGrid/systemTopics": r"[A-Za-z0-9-]{3,50}",
    "Microsoft.EventGrid/topics": r"[A-Za-z0-9-]{3,50}",
}
LONGEST = {"token": "a" * 13, "environmentName": "e" * 40}
LOOPED = {"rule.name": max((alert.name for alert in ALERTS), key=len)}  # of the lists that modules load
SAID_BY_AZURE = {"WEBSITE_AUTH_ENABLED"}
UNNAMED = ("/blobServices", "/queueServices", "/tableServices", "/managementPolicies", "/immutabilityPolicies", "/config",
           "/roleAssignments", "/workbooks", "/eventSubscriptions")  # fmt: skip
SECRETS = re.compile(
    r"\blist(?:Account|Service)?(?:Keys|Sas|Secrets)\s*\(|AccountKey=|SharedAccessSignature=|InstrumentationKey="
)
SECRET_PARAMETER = re.compile(r"^param (\w*(?:[kK]ey|[sS]ecret|[pP]assword)\w*) string", re.MULTILINE)
FORGEABLE = re.compile(r"'WEBSITE_AUTH_\w+'|'AzureWebJobsStorage'|'FUNCTIONS_WORKER_RUNTIME'")


def secrets(source: str) -> list[str]:
    """Keys that are read or written out, secure parameters that lost their mark, and settings that would fake the platform's."""
    found = [match.group() for pattern in (SECRETS, FORGEABLE) for match in pattern.finditer(source)]
    plain = [name for name in SECRET_PARAMETER.findall(source) if not _is_secure(source, name)]
    return [*found, *(f"param {name} is not secure" for name in plain)]


def _is_secure(source: str, parameter: str) -> bool:
    marks = source.split(f"param {parameter} ")[0].rsplit("\n\n", 1)[-1]
    return "@secure()" in marks.rsplit("param ", 1)[-1]


def role_faults(source: str) -> list[str]:
    """Role ids that are none we know, that allow too much, or whose words beside them say another role."""
    faults = []
    for line in source.splitlines():
        for role in GUID.findall(line):
            said = line.split("//", 1)[1].strip() if "//" in line else ""
            if role in TOO_MUCH:
                faults.append(f"{role} is {TOO_MUCH[role]}, which administers")
            elif role not in ROLES:
                faults.append(f"{role} is no role of the table")
            elif said and said != ROLES[role]:
                faults.append(f"{role} is {ROLES[role]}, not {said}")
    assigned = [one for one in declared(source) if one.what == "Microsoft.Authorization/roleAssignments"]
    untyped = [one.symbol for one in assigned if one.text("properties", "principalType") != "'ServicePrincipal'"]
    return [*faults, *(f"{symbol} has no principalType, so a new identity is not found" for symbol in untyped)]


def name_faults(main: str, modules: Mapping[str, str]) -> list[str]:
    """Names that break their kind's rule at the longest that they can get. Parameters come from main's module calls."""
    faults = [fault for one in declared(main) for fault in _misnamed(one, LONGEST, {})]
    for called in declared(main, "module"):
        faults += _in_module(called, LONGEST, modules)
    return faults


def _in_module(called: Declared, known: Mapping[str, str], modules: Mapping[str, str]) -> Iterator[str]:
    source = modules[called.what.removeprefix("modules/")]
    given = properties(called.body["params"]) if "params" in called.body else {}
    values = {name: _evaluated(text(node), known) for name, node in given.items()} | LOOPED
    lists = {name: re.findall(r"'([^']+)'", text(node)) for name, node in given.items() if text(node).startswith("[")}
    for one in declared(source):
        yield from _misnamed(one, values, lists)
    for inner in declared(source, "module"):
        yield from _in_module(inner, values, modules)


def _misnamed(one: Declared, known: Mapping[str, str], lists: Mapping[str, list[str]]) -> Iterator[str]:
    if one.existing or one.what.endswith(UNNAMED):
        return
    if one.what not in NAMES:
        yield f"{one.symbol}: {one.what} has no rule for its name"
        return
    written = one.text("name")
    many = lists.get(f"{written}s") if re.fullmatch(r"\w+", written) else None
    for name in many if many is not None else [_evaluated(written, known)]:
        if not re.fullmatch(NAMES[one.what], name):
            yield f"{one.symbol}: {name!r} ({len(name)} characters) cannot name a {one.what}"


def _evaluated(written: str, known: Mapping[str, str]) -> str:
    """A string with what is known filled in; an expression as it is written."""
    if re.fullmatch(r"\w+", written):
        return known.get(written, written)
    return re.sub(r"\$\{([\w.]+)\}", lambda found: known.get(found[1], found[0]), written.strip("'"))


def app_settings(source: str) -> set[str]:
    """Names of the app's settings; `A__b`, a part of an identity-based connection, counts as `A`."""
    return {name.split("__")[0] for name in re.findall(r"\{ name: '(\w+)', value:", source)}


def setting_faults(given: set[str], read: set[str]) -> list[str]:
    """Settings of ours that are given and not read, or needed and not given."""
    ours = {name for name in given if name.startswith("BATON_")}
    faked = [
        f"{name} is the platform's to say: given by us, a shut door could be faked"
        for name in sorted(given & SAID_BY_AZURE)
    ]
    return [f"{name} is given and never read" for name in sorted(ours - read)] + faked


def roles_of(source: str) -> list[tuple[str, str, str]]:
    """(who, role, on what) of every role assignment of this file, as its symbols name them."""
    lists = {name: GUID.findall(value) for name, value in variables(source).items()}
    found = []
    for one in declared(source):
        if one.what == "Microsoft.Authorization/roleAssignments":
            words = re.search(r"roleDefinitions',\s*(\w+)\)", one.text("properties", "roleDefinitionId"))
            named = lists.get(words[1]) or lists.get(f"{words[1]}s", []) if words else []
            found += [(one.text("properties", "principalId"), ROLES[role], one.text("scope")) for role in named]
    return found


def version_faults(main: str, account: str) -> list[str]:
    """Why the data account keeps no earlier version of a blob, or keeps one for longer than is told, or beyond a person's request."""
    called = next(one for one in declared(main, "module") if one.symbol == "dataAccount")
    given = properties(called.body["params"])
    service = next(one for one in declared(account) if one.symbol == "blobs")
    retention = properties(properties(service.body["properties"])["deleteRetentionPolicy"])
    policy = next(one for one in declared(account) if one.symbol == "lifecycle").text("properties")
    said = {
        "the data account is not versioned": "versioned" in given and text(given["versioned"]) == "true",
        "versioned turns no versioning on": service.text("properties", "isVersioningEnabled") == "versioned",
        "what a person had forgotten cannot be erased": text(retention["allowPermanentDelete"]) == "versioned"
        if "allowPermanentDelete" in retention
        else False,
        "earlier versions never go": "versioned ? [ versionsEnd ]" in policy
        and "version: { delete: { daysAfterCreationGreaterThan: versionDays } }" in variables(account)["versionsEnd"],
    }
    return [fault for fault, holds in said.items() if not holds]


def defaults(source: str) -> dict[str, str]:
    """The parameters' defaults as they are written."""
    return dict(re.findall(r"^param (\w+) \w+ = (.+)$", source, re.MULTILINE))
