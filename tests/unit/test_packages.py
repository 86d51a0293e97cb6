"""Which adapter is packed, and what is said where package and setting do not agree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from shared.errors import SettingsRefused
from shared.platforms.packages import SDK, check_package
from shared.settings import PLATFORMS

PROJECT = Path(__file__).resolve().parents[2]


def test_a_package_without_the_platforms_sdk_stops_with_the_command_that_mends_it() -> None:
    with pytest.raises(SettingsRefused, match="built without no_such_sdk.core") as refused:
        check_package("azureml", {"azureml": "no_such_sdk.core"})
    assert "azd env set BATON_PLATFORM azureml && azd up" in refused.value.next
    with pytest.raises(SettingsRefused, match="built without no_such_sdk.core") as refused:
        check_package("databricks", {"databricks": "no_such_sdk.core"})
    assert "azd env set BATON_PLATFORM databricks && azd up" in refused.value.next
    assert "requirements-databricks.txt" in refused.value.next


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
