"""`python -m tests.licences` writes the bill of what the app ships, one CycloneDX file for each lock, to `.baton/bills`.

Names, versions and hashes are the lock's, read by CycloneDX's own tool; licences are those of infra/licences.json, which a test
holds against the locks, the list of what is allowed, and what the packages themselves say. Needs no network.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
BILLS = PROJECT / ".baton" / "bills"
LOCKS = (
    "requirements-azureml.txt",
    "requirements-azureml_v2.txt",
    "requirements-databricks.txt",
    "requirements-azureml-run.txt",
    "requirements-databricks-run.txt",
    "requirements-cli.txt",
    "requirements.txt",
)
TABLE = json.loads((PROJECT / "infra" / "licences.json").read_text())


def locked(lock: str) -> set[str]:
    """The packages that a lock's text names."""
    return {name.lower() for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[\S+\])?==", lock, re.MULTILINE)}


def faults(names: set[str], table: Mapping[str, Any]) -> list[str]:
    """Packages of which no licence is known, or one that is neither allowed nor an exception with its reason."""
    found = [f"{name} has no entry in infra/licences.json" for name in sorted(names - table["packages"].keys())]
    for name in sorted(names & table["packages"].keys()):
        licence = table["packages"][name]
        allowed = [part in table["allowed"] for part in re.split(r" AND | OR ", licence)]
        if not (any(allowed) if " OR " in licence else all(allowed)) and not table["exceptions"].get(name):
            found.append(f"{name} is under {licence}, which is not allowed")
    return found


def bill(lock: Path) -> dict[str, Any]:
    """The CycloneDX bill of a lock, with licences."""
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "requirements",
        "--output-reproducible",
        "--sv",
        "1.6",
        "--of",
        "JSON",
    ]
    done = subprocess.run([*command, "--no-validate", "-o", "-", str(lock)], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    for part in found["components"]:
        licence = TABLE["packages"][part["name"].lower()]
        part["licenses"] = [{"expression": licence} if " " in licence else {"license": _named(licence)}]
    return found


def _named(licence: str) -> dict[str, str]:
    return {"name": licence} if licence.startswith("LicenseRef-") else {"id": licence}


def main() -> int:
    BILLS.mkdir(parents=True, exist_ok=True)
    for name in LOCKS:
        made = bill(PROJECT / name)
        target = BILLS / name.replace(".txt", ".cdx.json")
        target.write_text(json.dumps(made, indent=1))
        print(f"{target.relative_to(PROJECT)}: {len(made['components'])} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
