"""`python -m tests.bicep_types`: the Bicep files through the compiler, where this machine has one (`bicep` on PATH), else their types by
the data that it uses, where `../shared/tools/check_bicep.py` is beside this clone. A plain clone says that it was skipped.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bicep import INFRA
from tests.documents import ROOT

TYPES = ROOT.parent / "shared" / "tools" / "check_bicep.py"
SKIPPED = "skipped: neither `bicep` on PATH nor ../shared/tools/check_bicep.py beside this clone"


def commands(files: Sequence[Path]) -> list[list[str]]:
    """What checks these files; nothing where this machine has neither."""
    if compiler := shutil.which("bicep"):
        return [[compiler, "build", "--stdout", str(file)] for file in files]
    return [[sys.executable, str(TYPES), *map(str, files)]] if TYPES.is_file() else []


def faults(files: Sequence[Path]) -> str:
    """What the compiler, or the types, say against the files; "" if nothing."""
    ran = [subprocess.run(command, capture_output=True, text=True, check=False) for command in commands(files)]
    return "".join(done.stderr + ("" if done.args[1] == "build" else done.stdout) for done in ran if done.returncode)


def main() -> int:
    files = sorted(INFRA.rglob("*.bicep"))
    if not commands(files):
        print(SKIPPED)
        return 0
    found = faults(files)
    print(found or f"{len(files)} files, nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
