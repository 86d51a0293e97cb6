"""The Bicep files keep every rule of tests/infra_rules.py, and each rule finds its broken input."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests import roles
from tests.bicep import INFRA, declared, files, properties, text
from tests.infra_rules import (
    ROLES,
    app_settings,
    defaults,
    name_faults,
    role_faults,
    roles_of,
    secrets,
    setting_faults,
    version_faults,
)
from tests.unit.test_infra import settings_of_triggers, settings_read

FILES = files()
MODULES = {path.removeprefix("modules/"): source for path, source in FILES.items() if path.startswith("modules/")}
ROOT = INFRA.parent
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
ASSIGNED = """
var role = '{role}' // {said}
resource may 'Microsoft.Authorization/roleAssignments@2022-04-01' = {{
  name: guid('x')
  scope: data
  properties: {{ principalId: someone, {kind} roleDefinitionId: subscriptionResourceId('x/roleDefinitions', role) }}
}}
"""

KEPT = ("data", "readable[index]", "writable[index]")  # the data account and its containers, as the modules call them


@pytest.mark.parametrize("path", sorted(FILES))
def test_no_secret_is_read_or_written_out(path: str) -> None:
    assert secrets(FILES[path]) == []


@pytest.mark.parametrize(
    "source",
    [
        "output key string = account.listKeys().keys[0].value",
        "var data = 'AccountName=x;AccountKey=y'",
        "{ name: 'AzureWebJobsStorage', value: 'x' }",
        "{ name: 'WEBSITE_AUTH_ENABLED', value: 'True' }",
        "@description('x')\nparam approvalKey string",
    ],
)
def test_a_secret_is_found(source: str) -> None:
    assert len(secrets(source)) == 1


@pytest.mark.parametrize("path", sorted(FILES))
def test_every_role_is_a_known_one_that_administers_nothing(path: str) -> None:
    assert role_faults(FILES[path]) == []


@pytest.mark.parametrize(
    ("role", "said", "kind", "fault"),
    [
        (READER[:-1] + "2", "Storage Blob Data Reader", "principalType: 'ServicePrincipal'", "no role of the table"),
        (READER, "Storage Blob Data Owner", "principalType: 'ServicePrincipal'", "is Storage Blob Data Reader, not"),
        ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor", "principalType: 'ServicePrincipal'", "administers"),
        (READER, "Storage Blob Data Reader", "", "has no principalType"),
    ],
)
def test_a_wrong_role_is_found(role: str, said: str, kind: str, fault: str) -> None:
    found = role_faults(ASSIGNED.format(role=role, said=said, kind=kind))
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize("path", sorted(FILES))
def test_a_role_that_outlives_its_identity_does_not_stand_in_the_way_of_the_next(path: str) -> None:
    """On what an immutable journal keeps beyond `azd down`, the assignment's name holds the principal, which cannot be changed."""
    kept = [one for one in declared(FILES[path]) if one.what.endswith("/roleAssignments") and one.text("scope") in KEPT]
    assert [one.symbol for one in kept if one.text("properties", "principalId") not in one.text("name")] == []


def test_a_role_assignment_tells_who_may_do_what_on_what() -> None:
    source = ASSIGNED.format(role=READER, said=ROLES[READER], kind="principalType: 'ServicePrincipal',")
    assert roles_of(source) == [("someone", "Storage Blob Data Reader", "data")]


def test_every_role_assignment_stands_in_the_table() -> None:
    assignments = sum(source.count("roleAssignments@") for source in FILES.values())
    assert roles.table().count("\n") >= assignments


def test_the_table_of_roles_is_what_the_bicep_files_say() -> None:
    page = roles.PAGE.read_text()
    assert page == roles.redrawn(page)
    assert roles.table() in page


def test_a_table_that_was_left_behind_is_found() -> None:
    page = roles.PAGE.read_text().replace("| the app | AzureML Data Scientist", "| the app | Owner")
    assert page != roles.redrawn(page)


def test_every_name_keeps_its_kinds_rule_at_its_longest() -> None:
    assert name_faults(FILES["main.bicep"], MODULES) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("'sthost${token}'", "'st-host-${token}'", "cannot name a Microsoft.Storage/storageAccounts"),
        ("'stdata${token}'", "'storagedata1${token}'", "25 characters"),
        ("'mlw-${token}'", "'machine-learning-ws-x${token}'", "34 characters"),
        ("'func-baton-${token}'", "'func-baton-production-${token}'", "35 characters"),
        ("[ 'ledger' ]", "[ 'the-ledger' ]", "'the-ledger'"),
        ("'advance-poison'", "'advance--poison'", "'advance--poison'"),
        ("'rg-${environmentName}'", "'rg-${environmentName}.'", "cannot name a Microsoft.Resources/resourceGroups"),
    ],
)
def test_a_name_that_its_service_refuses_is_found(old: str, new: str, fault: str) -> None:
    assert old in FILES["main.bicep"]
    found = name_faults(FILES["main.bicep"].replace(old, new), MODULES)
    assert found
    assert fault in found[0]


def test_a_kind_without_a_rule_for_its_name_is_found() -> None:
    found = name_faults("resource one 'Microsoft.New/things@2026-01-01' = { name: 'x' }\n", {})
    assert found == ["one: Microsoft.New/things has no rule for its name"]


def test_the_app_gets_only_settings_that_it_reads() -> None:
    assert setting_faults(app_settings(MODULES["app.bicep"]), settings_read() | settings_of_triggers()) == []


def test_a_setting_that_nobody_reads_is_found() -> None:
    source = MODULES["app.bicep"].replace("'BATON_SWEEP'", "'BATON_SWEEPS'")
    found = setting_faults(app_settings(source), settings_read() | settings_of_triggers())
    assert found == ["BATON_SWEEPS is given and never read"]


def test_a_setting_that_says_for_the_platform_that_its_door_is_shut_is_found() -> None:
    source = MODULES["app.bicep"].replace("'BATON_SWEEP'", "'WEBSITE_AUTH_ENABLED'")
    (found,) = setting_faults(app_settings(source), settings_read() | settings_of_triggers())
    assert found.startswith("WEBSITE_AUTH_ENABLED is the platform's to say")


def test_every_module_is_called_with_exactly_the_parameters_that_it_declares() -> None:
    assert parameter_faults(FILES) == []


@pytest.mark.parametrize(
    ("old", "new"), [("sender: identity", "sendr: identity"), ("    token: token\n    location", "    location")]
)
def test_a_wrong_parameter_is_found(old: str, new: str) -> None:
    assert old in FILES["main.bicep"]
    assert parameter_faults({**FILES, "main.bicep": FILES["main.bicep"].replace(old, new, 1)})


def parameter_faults(sources: dict[str, str]) -> list[str]:
    """Module calls that give what is not asked for, or leave out what is; the compiler's check, which none runs here."""
    faults = []
    for path, source in sources.items():
        for called in declared(source, "module"):
            target = sources[str((Path(path).parent / called.what).as_posix()).removeprefix("./")]
            asked = dict(re.findall(r"^param (\w+) \S+(.*)$", target, re.MULTILINE))
            given = set(properties(called.body["params"])) if "params" in called.body else set()
            faults += [f"{path}: {called.symbol} has no parameter {name}" for name in given - asked.keys()]
            faults += [
                f"{path}: {called.symbol} needs {n}" for n, rest in asked.items() if "=" not in rest and n not in given
            ]
    return faults


def test_the_service_that_azd_deploys_is_the_tagged_site() -> None:
    services = yaml.safe_load((ROOT / "azure.yaml").read_text())["services"]
    tags = re.findall(r"'azd-service-name': '(\w+)'", "".join(FILES.values()))
    assert tags == list(services)


def test_the_parameters_file_names_parameters_that_main_declares() -> None:
    main = FILES["main.bicep"]
    given = yaml.safe_load((INFRA / "main.parameters.json").read_text())["parameters"]
    assert given.keys() <= set(re.findall(r"^param (\w+)", main, re.MULTILINE))


def test_text_of_a_node_is_its_source() -> None:
    only = next(iter(declared("resource a 'M/x@1' = { name: 'b' }\n")))
    assert text(only.body["name"]) == "'b'"


def test_the_data_account_keeps_earlier_versions_for_the_days_that_are_told() -> None:
    account = FILES["modules/account.bicep"]
    assert version_faults(FILES["main.bicep"], account) == []
    days = defaults(account)
    told = " ".join((ROOT / "docs/data.md").read_text().split())
    assert f"earlier version for {days['versionDays']} days after it was written" in told
    assert f"soft delete for {days['softDeleteDays']} days" in told


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("main.bicep", "    versioned: true\n", "", "is not versioned"),
        (
            "modules/account.bicep",
            "isVersioningEnabled: versioned",
            "isVersioningEnabled: false",
            "turns no versioning on",
        ),
        ("modules/account.bicep", ", allowPermanentDelete: versioned", "", "cannot be erased"),
        ("modules/account.bicep", "versioned ? [ versionsEnd ] : []", "[]", "never go"),
    ],
)
def test_an_account_that_keeps_nothing_or_everything_is_found(file: str, old: str, new: str, fault: str) -> None:
    assert old in FILES[file]
    broken = {**FILES, file: FILES[file].replace(old, new)}
    assert any(fault in one for one in version_faults(broken["main.bicep"], broken["modules/account.bicep"]))
