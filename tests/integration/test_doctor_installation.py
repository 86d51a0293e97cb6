"""Which installation `baton doctor --azure` looks at: azd's environment says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.cloud.installation import NEEDED, find
from cli.machine import Wrong
from tests.bicep import files


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


def test_an_installation_on_databricks_needs_no_topic_of_a_workspace() -> None:
    values = {name: name.lower() for name in NEEDED} | {"BATON_WORKSPACE_TOPIC": "", "BATON_PLATFORM": "databricks"}
    seen = find(values, Path("/nonexistent"))
    assert seen.on_databricks
    assert seen.topic_ids.keys() == {"storage", "custom"}
