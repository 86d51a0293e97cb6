"""Which adapter is packed, and what is said where package and setting do not agree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from shared import wiring
from shared.errors import SettingsRefused
from shared.platforms.packages import SDK, check_package
from shared.settings import PLATFORMS, Settings
from tests.fakes.storage import MemoryBlobs

PROJECT = Path(__file__).resolve().parents[2]
WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
ON_AZUREML = {
    "BATON_PLATFORM": "azureml", "BATON_DATA": "BlobEndpoint=https://a.blob.core.windows.net;ClientId=c", "BATON_URL": "https://b",
    "BATON_APPROVAL_KEY": "k" * 32, "BATON_SIGNING_KEY": "0" * 64, "BATON_WORKSPACE_SOURCE": WORKSPACE, "BATON_AKS": "aks",
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=k;ApplicationId=a-1",
}  # fmt: skip
ONLY_V1 = ("BATON_AKS", "APPLICATIONINSIGHTS_CONNECTION_STRING")
ON_AZUREML_V2 = {n: value for n, value in ON_AZUREML.items() if n not in ONLY_V1} | {"BATON_PLATFORM": "azureml_v2"}


def test_a_package_without_the_platforms_sdk_stops_with_the_command_that_mends_it() -> None:
    with pytest.raises(SettingsRefused, match="built without no_such_sdk.core") as refused:
        check_package("azureml", {"azureml": "no_such_sdk.core"})
    assert "azd env set BATON_PLATFORM azureml && azd up" in refused.value.next


def test_every_platform_but_the_laptop_has_an_sdk_and_a_lock_with_hashes() -> None:
    assert {"local", *SDK} == set(PLATFORMS)
    for platform in SDK:
        lock = (PROJECT / f"requirements-{platform}.txt").read_text()
        assert len(re.findall(r"^[a-z].*==.*\\$", lock, re.MULTILINE)) == len(re.findall(r"^[a-z]", lock, re.MULTILINE))


def test_the_laptops_lock_is_a_part_of_every_platforms() -> None:
    own = pins("requirements.txt")
    assert len(own) > 20
    for platform in SDK:
        assert own.items() <= pins(f"requirements-{platform}.txt").items()


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[\S+\])?==(\S+)", (PROJECT / lock).read_text(), re.MULTILINE))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text("laptop\n")
    (tmp_path / "requirements-azureml.txt").write_text("azureml\n")
    return tmp_path


def pack(checkout: Path, when: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = PROJECT / f"infra/{when}package.sh"
    return subprocess.run(["sh", str(script)], cwd=checkout, env=environment, capture_output=True, text=True)


def test_the_lock_of_the_set_platform_is_packed_and_the_laptops_comes_back(checkout: Path) -> None:
    packed = pack(checkout, "pre", BATON_PLATFORM="azureml")
    assert packed.stdout == "The package is built from requirements-azureml.txt.\n"
    assert (checkout / "requirements.txt").read_text() == "azureml\n"
    pack(checkout, "pre", BATON_PLATFORM="azureml")  # the first packing broke off
    pack(checkout, "post")
    assert (checkout / "requirements.txt").read_text() == "laptop\n"


def test_a_platform_without_a_lock_is_not_packed(checkout: Path) -> None:
    packed = pack(checkout, "pre", BATON_PLATFORM="no-such")
    assert packed.returncode == 1
    assert "there is no requirements-no-such.txt. Next: azd env set" in packed.stderr
    assert (checkout / "requirements.txt").read_text() == "laptop\n"


def test_all_that_a_workspace_needs_is_asked_for_at_once() -> None:
    with pytest.raises(SettingsRefused) as refused:
        Settings.from_env({"BATON_PLATFORM": "azureml"})
    for name in ("BATON_DATA", "BATON_WORKSPACE_SOURCE", "BATON_AKS", "BATON_SCORING_LOGS"):
        assert f"{name} is missing" in refused.value.what


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
