"""Which installation is meant: what `azd provision` wrote down, from the environment or from azd's own folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.machine import Wrong

SENDS_NO_EVENTS = "databricks"  # a platform without Azure ML's workspace, so without its topic
NEEDED = (
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_RESOURCE_GROUP",
    "BATON_APP_ID",
    "BATON_DATA_ACCOUNT_ID",
    "BATON_STORAGE_TOPIC",
    "BATON_WORKSPACE_TOPIC",
    "BATON_CUSTOM_TOPIC",
)


@dataclass(frozen=True, slots=True)
class Installation:
    """Resource ids and names of one deployed Baton."""

    subscription: str
    group: str
    app: str
    data_account: str
    topics: Mapping[str, str]
    platform: str = "azureml_v2"

    @property
    def on_databricks(self) -> bool:
        """Whether Databricks trains and serves: then there is neither a workspace of Azure ML nor a topic of one."""
        return self.platform == SENDS_NO_EVENTS

    @property
    def group_path(self) -> str:
        """The group's resource id."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def topic_ids(self) -> dict[str, str]:
        """Resource id of each topic, by the name that infra/subscriptions.json calls it by."""
        kinds = {"storage": "systemTopics", "workspace": "systemTopics", "custom": "topics"}
        place = f"{self.group_path}/providers/Microsoft.EventGrid"
        return {name: f"{place}/{kind}/{self.topics[name]}" for name, kind in kinds.items() if self.topics.get(name)}


def find(environment: Mapping[str, str], folder: Path) -> Installation:
    """The installation of azd's default environment in this folder, or the one that the environment describes."""
    found = {**_of_azd(folder, environment.get("AZURE_ENV_NAME", "")), **environment}
    platform = found.get("BATON_PLATFORM") or "azureml_v2"
    empty = {"BATON_WORKSPACE_TOPIC"} if platform == SENDS_NO_EVENTS else set()
    missing = [name for name in NEEDED if not found.get(name) and name not in empty]
    if missing:
        what = f"which installation is meant is not known: {', '.join(missing)} missing"
        raise Wrong(what, next="azd provision in this folder, or azd env refresh; then ask again from here")
    topics = {name: found.get(f"BATON_{name.upper()}_TOPIC", "") for name in ("storage", "workspace", "custom")}
    return Installation(
        found["AZURE_SUBSCRIPTION_ID"],
        found["AZURE_RESOURCE_GROUP"],
        found["BATON_APP_ID"],
        found["BATON_DATA_ACCOUNT_ID"],
        topics,
        platform,
    )


def _of_azd(folder: Path, name: str) -> dict[str, str]:
    """The values of azd's environment, `.azure/<name>/.env`, one `NAME="value"` a line; its default one without a name."""
    place = folder / ".azure"
    if not name and (place / "config.json").is_file():
        name = json.loads((place / "config.json").read_text()).get("defaultEnvironment", "")
    file = place / name / ".env"
    if not name or not file.is_file():
        return {}
    return dict(re.findall(r'^(\w+)="?(.*?)"?$', file.read_text(), re.MULTILINE))
