"""What README shows of a command that needs no running stack is what the command says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from local.datasets import BREAKS, diabetes, write_csv

PROJECT = Path(__file__).resolve().parents[2]


def test_the_refused_file_of_the_quick_start_is_told_as_shown(tmp_path: Path) -> None:
    file = tmp_path / "broken.csv"
    write_csv(BREAKS["text"](diabetes(1, 101)), file)
    baton = Path(sys.executable).with_name("baton")
    ended = subprocess.run([baton, "check", "diabetes", file], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    said = (ended.stdout + "\n".join(line for line in ended.stderr.splitlines() if line.startswith("Next:"))).strip()
    shown = (PROJECT / "README.md").read_text().split("$ baton check diabetes broken.csv\n")[1].split("\n$ ")[0]
    assert said == shown
