"""The part of the app's settings that says where on Databricks it works; no SDK is needed to read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

NEEDED = {
    "BATON_DATABRICKS_HOST": "address of the Databricks workspace",
    "BATON_DATABRICKS_SCHEMA": "<catalog>.<schema> that models, runs and what is served lie in",
    "BATON_DATABRICKS_WAREHOUSE": "id of the SQL warehouse that counts scoring requests",
    "BATON_DATABRICKS_CREDENTIAL": "name of the service credential by which runs read the data account",
}
FORMS = {  # a token goes to the host, so it is reached by TLS, or lies on this machine
    "BATON_DATABRICKS_HOST": (
        re.compile(r"https://[\w.-]+/?|http://127\.0\.0\.1:\d+"),
        "the workspace's address alone, such as https://adb-1234567890123456.7.azuredatabricks.net",
    ),
    "BATON_DATABRICKS_SCHEMA": (re.compile(r"[^./\s]+\.[^./\s]+"), "<catalog>.<schema>"),
    "BATON_DATABRICKS_WAREHOUSE": (re.compile(r"\w+"), "the warehouse's id, and not its name or path"),
    "BATON_DATABRICKS_CREDENTIAL": (re.compile(r"[^./\s]+"), "the credential's name"),
    "BATON_DATABRICKS_WORKLOAD": (re.compile("Small|Medium|Large"), "Small, Medium or Large"),
}


@dataclass(frozen=True, slots=True)
class Databricks:
    """Where Baton lives on Databricks. `credential` is the service credential of Unity Catalog by which runs read the data
    account, `warehouse` the SQL warehouse that counts requests, `workload` the size of what serves a version."""

    host: str = ""
    schema: str = ""
    warehouse: str = ""
    credential: str = ""
    workload: str = "Small"

    @staticmethod
    def from_env(env: Mapping[str, str]) -> Databricks:
        """As the environment names it; nothing is refused here."""
        return Databricks(
            host=env.get("BATON_DATABRICKS_HOST", "").rstrip("/"),
            schema=env.get("BATON_DATABRICKS_SCHEMA", ""),
            warehouse=env.get("BATON_DATABRICKS_WAREHOUSE", ""),
            credential=env.get("BATON_DATABRICKS_CREDENTIAL", ""),
            workload=env.get("BATON_DATABRICKS_WORKLOAD", "") or "Small",
        )


def misformed(env: Mapping[str, str]) -> list[str]:
    """Settings of Databricks that are there and cannot be right."""
    given = {name: env.get(name, "") for name in FORMS}
    return [
        f"{name} is {given[name]!r}, must be {what}"
        for name, (form, what) in FORMS.items()
        if given[name] and not form.fullmatch(given[name])
    ]
