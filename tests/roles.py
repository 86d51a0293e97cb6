"""The table of who may do what on Azure: `python -m tests.roles` writes it into docs/azure.md from the Bicep files."""

from __future__ import annotations

import re

from tests.bicep import files
from tests.documents import ROOT
from tests.infra_rules import roles_of

PAGE = ROOT / "docs" / "azure.md"
TABLE = re.compile(r"(<!-- roles: [^>]*-->\n).*?(<!-- /roles -->)", re.DOTALL)
WHO = {
    "principalId": "the app",
    "writer": "the app",
    "reader": "the app",
    "sender": "the app",
    "cluster.identity.principalId": "runs on the cluster",
    "runs": "runs, on the cluster or on Databricks",
    "topic": "Event Grid, for each topic",
}
WHAT = {
    "host": "the host's account",
    "data": "the data account",
    "component": "Application Insights",
    "custom": "the custom topic",
    "used": "the ML workspace",
    "readable[index]": "the containers `models` and `incoming`",
    "writable[index]": "the containers `datasets` and `quarantine`",
    "registry": "the workspace's container registry",
    "store": "the workspace's own account",
}


def table() -> str:
    """The rows, as Markdown."""
    rows = sorted(
        {(WHO[who], role, WHAT[on], path) for path, source in files().items() for who, role, on in roles_of(source)}
    )
    lines = [f"| {who} | {role} | {on} | `infra/{path}` |" for who, role, on, path in rows]
    return "\n".join(["| who | may | on | where |", "|---|---|---|---|", *lines])


def redrawn(page: str) -> str:
    """The same page with the table of today's Bicep files."""
    return TABLE.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(redrawn(PAGE.read_text()))
