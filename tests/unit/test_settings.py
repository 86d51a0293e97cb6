"""The app's settings: which are needed where, all faults told at once, and what a run is told of them."""

from __future__ import annotations

import re

import pytest

from shared import wiring
from shared.errors import SettingsRefused
from shared.platforms.databricks import DatabricksTrainer
from shared.platforms.databricks_endpoints import DatabricksEndpoints
from shared.platforms.databricks_packing import MLFLOW
from shared.platforms.databricks_registry import DatabricksRegistry
from shared.platforms.databricks_serving import Serving
from shared.settings import Settings
from tests.fakes.storage import MemoryBlobs

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
ON_AZUREML = {
    "BATON_PLATFORM": "azureml", "BATON_DATA": "BlobEndpoint=https://a.blob.core.windows.net;ClientId=c", "BATON_URL": "https://b",
    "BATON_APPROVAL_KEY": "k" * 32, "BATON_SIGNING_KEY": "0" * 64, "BATON_WORKSPACE_SOURCE": WORKSPACE, "BATON_AKS": "aks",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=k;ApplicationId=a-1",
}  # fmt: skip
ONLY_V1 = ("BATON_AKS", "APPLICATIONINSIGHTS_CONNECTION_STRING")
ON_AZUREML_V2 = {n: value for n, value in ON_AZUREML.items() if n not in ONLY_V1} | {"BATON_PLATFORM": "azureml_v2"}
SHARED_SETTINGS = ("BATON_DATA", "BATON_URL", "BATON_APPROVAL_KEY", "BATON_SIGNING_KEY")
HOST = "https://adb-1234567890123456.7.azuredatabricks.net"
ON_DATABRICKS = {
    **{name: ON_AZUREML[name] for name in SHARED_SETTINGS}, "BATON_PLATFORM": "databricks", "BATON_DATABRICKS_HOST": HOST,
    "BATON_DATABRICKS_SCHEMA": "main.mlops", "BATON_DATABRICKS_WAREHOUSE": "0123456789abcdef",
    "BATON_DATABRICKS_CREDENTIAL": "baton-data",
}  # fmt: skip


def test_all_that_a_workspace_needs_is_asked_for_at_once() -> None:
    with pytest.raises(SettingsRefused) as refused:
        Settings.from_env({"BATON_PLATFORM": "azureml"})
    for name in ("BATON_DATA", "BATON_WORKSPACE_SOURCE", "BATON_AKS", "BATON_SCORING_LOGS"):
        assert f"{name} is missing" in refused.value.what


def test_a_reference_to_a_vault_that_was_not_resolved_is_no_secret() -> None:
    """Everybody who reads the Bicep could guess it: App Service leaves the reference itself in the setting."""
    reference = "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/approval)"
    for name in ("BATON_APPROVAL_KEY", "BATON_SIGNING_KEY"):
        with pytest.raises(SettingsRefused, match=f"{name} is a reference that was not resolved"):
            Settings.from_env({**ON_AZUREML, name: reference})


def test_container_instances_need_no_cluster_and_divide_no_traffic() -> None:
    without = {name: value for name, value in ON_AZUREML.items() if name != "BATON_AKS"}
    with pytest.raises(SettingsRefused, match="BATON_AKS is missing .* see BATON_SERVING"):
        Settings.from_env(without)
    settings = Settings.from_env({**without, "BATON_SERVING": "aci"})
    assert not settings.divides_traffic
    assert type(wiring.platform(settings, MemoryBlobs())[2]).__name__ == "AzureMLContainers"


@pytest.mark.parametrize("settings", [ON_AZUREML, {**ON_AZUREML_V2, "BATON_SERVING": "aci"}], ids=["aks", "v2"])
def test_everything_else_divides_traffic(settings: dict[str, str]) -> None:
    assert Settings.from_env({"BATON_SERVING": "", **settings}).divides_traffic


def test_versions_are_served_on_nothing_else() -> None:
    with pytest.raises(SettingsRefused, match=r"BATON_SERVING is 'ACI', must be one of \('aks', 'aci'\)"):
        Settings.from_env({**ON_AZUREML, "BATON_SERVING": "ACI"})


def test_sdk_v2_needs_neither_a_cluster_that_serves_nor_logs() -> None:
    settings = Settings.from_env(ON_AZUREML_V2)
    assert (settings.instance_type, settings.instances) == ("Standard_DS3_v2", 1)
    settings = Settings.from_env({**ON_AZUREML_V2, "BATON_INSTANCE_TYPE": "Standard_F4s_v2", "BATON_INSTANCES": "3"})
    assert (settings.instance_type, settings.instances) == ("Standard_F4s_v2", 3)
    with pytest.raises(SettingsRefused, match="BATON_INSTANCES is '0', must be a number of machines, 1 or more"):
        Settings.from_env({**ON_AZUREML_V2, "BATON_INSTANCES": "0"})


@pytest.mark.parametrize("settings", [ON_AZUREML, ON_AZUREML_V2], ids=["azureml", "azureml_v2"])
def test_the_adapters_are_those_of_the_set_platform_and_nothing_is_asked_yet(settings: dict[str, str]) -> None:
    wanted = settings["BATON_PLATFORM"]
    for adapter in wiring.platform(Settings.from_env(settings), MemoryBlobs()):
        module = type(adapter).__module__.removeprefix("shared.platforms.")
        assert module.startswith("azureml")
        assert module.startswith("azureml_v2") == (wanted == "azureml_v2")


def test_a_run_is_told_the_data_account_without_the_apps_identity() -> None:
    settings = Settings.from_env(ON_AZUREML)
    assert settings.data_of_runs == "BlobEndpoint=https://a.blob.core.windows.net"
    assert settings.scoring_logs == "a-1"


def test_a_key_of_the_data_account_is_never_told_to_runs() -> None:
    with pytest.raises(SettingsRefused, match="BATON_DATA holds a key"):
        Settings.from_env({**ON_AZUREML, "BATON_DATA": "AccountName=a;AccountKey=secret;"})


def test_databricks_needs_no_workspace_of_azure_ml_and_believes_no_events_of_one() -> None:
    settings = Settings.from_env({**ON_DATABRICKS, "BATON_WORKSPACE_SOURCE": WORKSPACE})
    assert settings.workspace_topic == ""
    at = settings.databricks
    assert (at.host, at.schema, at.warehouse, at.credential, at.workload) == (
        HOST, "main.mlops", "0123456789abcdef", "baton-data", "Small",
    )  # fmt: skip
    assert Settings.from_env({**ON_DATABRICKS, "BATON_DATABRICKS_HOST": f"{HOST}/"}).databricks.host == HOST
    with pytest.raises(SettingsRefused) as refused:
        Settings.from_env({"BATON_PLATFORM": "databricks"})
    for name in ("HOST", "SCHEMA", "WAREHOUSE", "CREDENTIAL"):
        assert f"BATON_DATABRICKS_{name} is missing" in refused.value.what


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "http://adb-1.2.azuredatabricks.net"),  # a token would go over it as it is
        ("HOST", f"{HOST}/?o=1234567890123456"),  # as a browser shows it
        ("HOST", "adb-1.2.azuredatabricks.net"),
        ("SCHEMA", "main"),
        ("SCHEMA", "main.mlops.baton"),
        ("SCHEMA", "main.ml/ops"),
        ("WAREHOUSE", "/sql/1.0/warehouses/0123456789abcdef"),
        ("CREDENTIAL", "main.mlops"),
        ("WORKLOAD", "small"),
    ],
)
def test_a_setting_of_databricks_that_cannot_be_right_is_named_with_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingsRefused, match=f"BATON_DATABRICKS_{name} is {re.escape(repr(value))}, must be"):
        Settings.from_env({**ON_DATABRICKS, f"BATON_DATABRICKS_{name}": value})
    Settings.from_env({**ON_AZUREML, f"BATON_DATABRICKS_{name}": value})  # which has no use for it


def test_the_adapters_of_databricks_are_built_from_its_settings_and_nothing_is_asked_yet() -> None:
    trainer, registry, endpoints = wiring.platform(Settings.from_env(ON_DATABRICKS), MemoryBlobs())
    assert isinstance(trainer, DatabricksTrainer)
    assert isinstance(registry, DatabricksRegistry)
    assert isinstance(endpoints, DatabricksEndpoints)
    assert trainer._job.settings == {
        "BATON_DATA": "BlobEndpoint=https://a.blob.core.windows.net",
        "BATON_DATABRICKS_CREDENTIAL": "baton-data",
    }
    assert endpoints._serving == Serving("0123456789abcdef", "Small")


def test_a_run_on_databricks_brings_the_packages_of_its_own_lock() -> None:
    trainer, *_ = wiring.platform(Settings.from_env(ON_DATABRICKS), MemoryBlobs())
    assert isinstance(trainer, DatabricksTrainer)
    names = {package.partition("==")[0] for package in trainer._job.packages}
    assert {"databricks-sdk", "mlflow-skinny", "azure-identity", "azure-storage-blob", "pyarrow", "duckdb"} <= names
    assert not [name for name in names if name.startswith("azureml")]
    assert MLFLOW.replace("mlflow==", "mlflow-skinny==") in trainer._job.packages
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[^=\s]+", package) for package in trainer._job.packages)
