"""What the Bicep files promise: every subscription is deployed, the app finds its settings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import SettingsRefused
from shared.settings import Settings
from shared.wiring import CONTAINERS, QUEUES, TABLE
from tests.infra_rules import app_settings as given

INFRA = Path(__file__).resolve().parents[2] / "infra"


class ReadNames(dict[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return super().__getitem__(key)


def settings_read() -> set[str]:
    """Every name that `Settings.from_env` asks for."""
    names = ("BATON_DATA", "BATON_URL", "MLFLOW_TRACKING_URI", "BATON_ROUTER", "BATON_ROUTER_KEY", "BATON_USERS")
    environment = ReadNames(
        {**dict.fromkeys(names, "x"), "BATON_APPROVAL_KEY": "k" * 32, "BATON_SIGNING_KEY": "0" * 64}
    )
    Settings.from_env(environment)
    return environment.asked


def settings_of_triggers() -> set[str]:
    """Every setting that a trigger names; the host does not start a function whose setting is missing."""
    functions = Path(__file__).resolve().parents[2] / "functions"
    return {name for file in functions.glob("*.py") for name in re.findall(r"%(\w+)%", file.read_text())}


def listed(name: str) -> set[str]:
    """The words of a list that main.bicep passes for the data account."""
    source = (INFRA / "main.bicep").read_text().split("module dataAccount", 1)[1]
    return set(re.findall(r"'([^']+)'", re.search(rf"{name}: \[(.*)\]", source)[1]))  # type: ignore[index]


def test_the_app_gets_every_setting_that_a_trigger_names() -> None:
    assert "BATON_SWEEP" in settings_of_triggers()
    source = (INFRA / "modules/app.bicep").read_text()
    assert settings_of_triggers() <= given(source)
    assert settings_of_triggers() - given(source.replace("'BATON_SWEEP'", "'OTHER'")) == {"BATON_SWEEP"}


def needed(platform: str) -> set[str]:
    """The settings without which the app does not start on this platform."""
    with pytest.raises(SettingsRefused, match="is missing") as fault:
        Settings.from_env(ReadNames({"BATON_PLATFORM": platform}))
    return set(re.findall(r"(\w+) is missing", str(fault.value)))


@pytest.mark.parametrize("platform", ["azureml", "azureml_v2", "databricks"])
def test_the_app_gets_every_setting_that_has_no_other_source(platform: str) -> None:
    source = (INFRA / "modules/app.bicep").read_text()
    assert needed(platform) <= given(source)
    for name in needed(platform):
        assert needed(platform) - given(re.sub(rf"'{name}(?='|__)", "'OTHER", source)) == {name}


def test_the_data_account_has_all_that_the_app_opens() -> None:
    assert listed("containers") == set(CONTAINERS)
    assert listed("queues") == {f"{queue}{end}" for queue in QUEUES for end in ("", "-poison")}
    assert listed("tables") == {TABLE}


def test_the_journal_and_the_access_log_can_be_written_to_and_never_changed() -> None:
    assert listed("immutable") == {"journal", "access"}
    policy = (INFRA / "modules/account.bicep").read_text().split("immutabilityPolicies@", 1)[1].split("\n}]", 1)[0]
    assert "in locked ? [] : immutable:" in policy
    assert "immutabilityPeriodSinceCreationInDays: immutableDays" in policy
    assert "allowProtectedAppendWrites: true" in policy


def test_a_policy_that_was_locked_is_left_alone_since_it_takes_no_deployment() -> None:
    """ "The only action allowed on a Locked policy is ExtendImmutabilityPolicy action" (azure-rest-api-specs, blob containers)."""
    parameters = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    assert parameters["journalLocked"] == {"value": "${BATON_JOURNAL_LOCKED=false}"}
    called = (INFRA / "main.bicep").read_text().split("module dataAccount", 1)[1].split("\n}", 1)[0]
    assert "locked: journalLocked" in called
    assert "azd env set BATON_JOURNAL_LOCKED true" in (INFRA.parent / "docs/audit.md").read_text()


def test_what_the_app_writes_for_itself_lies_where_it_may_write() -> None:
    """The folder of the code is read-only on Functions (Azure/azure-functions-python-worker#722), and a run's source is laid out."""
    source = (INFRA / "modules/app.bicep").read_text()
    [home] = re.findall(r"name: 'BATON_HOME', value: '([^']+)'", source)
    assert Path(home).parts[:2] == ("/", "tmp")
    environment = {
        "BATON_DATA": "x",
        "BATON_URL": "x",
        "BATON_PLATFORM": "azureml_v2",
        "BATON_WORKSPACE_SOURCE": "x",
        "BATON_HOME": home,
    }
    settings = Settings.from_env({**environment, "BATON_APPROVAL_KEY": "k" * 32, "BATON_SIGNING_KEY": "0" * 64})
    assert settings.home == Path(home)


def test_every_event_comes_in_the_schema_that_azures_own_worker_reads() -> None:
    """The worker for Python 3.11 brings azure-functions 1.24.0 along, which wins over the package's own and knows no CloudEvents."""
    schemas = [
        schema
        for path in INFRA.rglob("*.bicep")
        for schema in re.findall(r"(?:input|eventDelivery)Schema: '(\w+)'", path.read_text())
    ]
    assert schemas == ["EventGridSchema"] * 4


def test_intake_needs_nothing_that_the_workers_own_library_lacks() -> None:
    without = """
import azure.functions as f
del f.CloudEvent
from functions.intake import delivered
event = f.EventGridEvent(id="1", data={}, topic="t", subject="s", event_type="k", event_time=None, data_version="1")
print(delivered(event).topic)
"""
    said = subprocess.run(
        [sys.executable, "-c", without], cwd=INFRA.parent, capture_output=True, text=True, check=False
    )
    assert (said.stdout, said.stderr) == ("t\n", "")


def test_runs_reach_their_data_whoever_made_the_cluster() -> None:
    """By the same roles: of the workspace that is made here, of one that is brought, and of Databricks."""
    main, made = (INFRA / "main.bicep").read_text(), (INFRA / "modules/workspace.bicep").read_text()
    given = re.findall(r"'modules/runs.bicep' = if \((.*)\) \{\n.*\n.*\n  params: .* runs: (\w+) \}", main)
    assert given == [
        ("onDatabricks && !empty(databricksAccess)", "databricksAccess"),
        ("!onDatabricks && !empty(workspaceId) && !empty(computeAccess)", "computeAccess"),
    ]
    assert "'runs.bicep' = {" in made
    assert "runs: cluster.identity.principalId" in made


def unguarded(source: str, named: str) -> list[str]:
    """Resources and modules that have to do with an Azure ML workspace and are made where Databricks trains too."""
    heads = re.findall(rf"^(?:resource|module) (\w*{named}\w*) '[^']+' = (if \([^\n]*\) )?\{{", source, re.MULTILINE)
    assert heads
    return [symbol for symbol, condition in heads if "!onDatabricks" not in condition]


@pytest.mark.parametrize(("file", "made"), [("main.bicep", 3), ("modules/topics.bicep", 2)])
def test_where_databricks_trains_no_workspace_of_azure_ml_is_made_and_no_topic_of_one(file: str, made: int) -> None:
    source = (INFRA / file).read_text()
    assert unguarded(source, "workspace") == []
    assert source.count("!onDatabricks") == made
    assert len(unguarded(source.replace("!onDatabricks", "true"), "workspace")) == made


def test_where_there_is_no_topic_of_a_workspace_nothing_is_subscribed_to_it() -> None:
    source = (INFRA / "subscriptions.bicep").read_text()
    assert "one.topic == 'workspace' && !empty(workspaceTopic)" in source
    assert (
        "output workspaceTopic string = onDatabricks ? '' : workspace.name"
        in (INFRA / "modules/topics.bicep").read_text()
    )
