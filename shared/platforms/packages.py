"""Which platform this package was built for: each has a lock file of its own, since their SDKs do not share one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from shared.errors import SettingsRefused

SDK = {"azureml": "azureml.core", "azureml_v2": "azure.ai.ml", "databricks": "databricks.sdk"}


def check_package(platform: str, sdk: Mapping[str, str] = SDK) -> None:
    """`SettingsRefused` if the platform's SDK is not in this package. Looks for it without importing it."""
    module = sdk[platform]
    if not _is_there(module):
        raise SettingsRefused(
            f"BATON_PLATFORM is {platform!r}, but this package was built without {module}.",
            next=f"`azd env set BATON_PLATFORM {platform} && azd up`, which sets the app and packs "
            f"requirements-{platform}.txt",
        )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the parent
        return False
