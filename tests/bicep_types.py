"""`python -m tests.bicep_types`: the Bicep files through the compiler, where this machine has one (`bicep` on PATH), else their types by
the data that it uses, where `../shared/tools/check_bicep.py` is beside this clone. A plain clone says that it was skipped.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bicep import INFRA
from tests.documents import ROOT

TYPES = ROOT.parent / "shared" / "tools" / "check_bicep.py"
WRONG_TYPE = re.compile(
    r"^.* : Warning BCP03[567]: .*\n?", re.MULTILINE
)  # the compiler's, which ends with 0 after them
SKIPPED = "skipped: neither `bicep` on PATH nor ../shared/tools/check_bicep.py beside this clone"


def commands(files: Sequence[Path]) -> list[list[str]]:
    """What checks these files; nothing where this machine has neither."""
    if compiler := shutil.which("bicep"):
        return [[compiler, "build", "--stdout", str(file)] for file in files]
    return [[sys.executable, str(TYPES), *map(str, files)]] if TYPES.is_file() else []


def faults(files: Sequence[Path]) -> str:
    """What the compiler, or the types, say against the files; "" if nothing."""
    return "".join(_said(command) for command in commands(files))


def _said(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.returncode:
        return "".join(WRONG_TYPE.findall(done.stderr))
    told = done.stderr + ("" if command[1] == "build" else done.stdout)
    return told or f"{' '.join(command)} ended with {done.returncode} and said nothing\n"


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
