"""`python -m tests.checkov` reads infra/ with checkov's rules and ours, and tells what stands and why; 1 if anything is not accepted.

The environment with checkov is made when it is missing (194 MB).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.checkov.accepted import ACCEPTED, UNABLE
from tests.locked import PROJECT, Environment

CHECKOV = Environment("checkov")
SCAN = Path(__file__).with_name("scan.py")
Scan = Mapping[str, Any]


def scan(folder: Path) -> Scan:
    """What scan.py says of the Bicep files below a folder."""
    done = subprocess.run([CHECKOV.make(), SCAN, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"checkov ended with {done.returncode}:\n{done.stderr[-2000:]}")
    found: Scan = json.loads(done.stdout)
    return found


def faults(
    seen: Scan, accepted: Mapping[tuple[str, str], str] = ACCEPTED, unable: Mapping[str, str] = UNABLE
) -> list[str]:
    """What a scan found and nobody accepted, what it could not read, and what is accepted and no longer found."""
    found = {(one["rule"], one["resource"]): one for one in seen["found"]}
    open_ones = [
        f"infra/{one['file']}:{one['line']}: {one['resource']}: {one['says']} ({one['rule']})"
        for key, one in found.items()
        if key not in accepted
    ]
    unread = [f"infra/{file} is not read by checkov: write it so that it parses" for file in seen["unread"]]
    errors = [f"checkov: {error}" for error in seen["errors"] if error not in unable]
    gone = [f"{' on '.join(key)} is accepted and no longer found" for key in accepted if key not in found]
    gone += [f"{error!r} is accepted and no longer found" for error in unable if error not in seen["errors"]]
    return [*open_ones, *unread, *errors, *gone]


def main() -> int:
    seen = scan(PROJECT / "infra")
    told = faults(seen)
    print(f"{len(seen['held'])} rules hold; {len(ACCEPTED)} findings stand for a reason (tests/checkov/accepted.py)")
    print("\n".join(told) or "nothing else was found")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
