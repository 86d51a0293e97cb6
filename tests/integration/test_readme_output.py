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


def test_the_refused_file_mended_as_shown_is_accepted_as_shown(tmp_path: Path) -> None:
    write_csv(BREAKS["text"](diabetes(1, 101)), tmp_path / "broken.csv")
    (tmp_path / "models").symlink_to(PROJECT / "models")
    begin, end = "$ grep -v", "\n$ baton drop diabetes first.csv"
    mend, rest = (begin + (PROJECT / "README.md").read_text().split(begin)[1].split(end)[0]).split("\n", 1)
    check, shown = rest.split("\n", 1)
    found = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    subprocess.run(mend.removeprefix("$ "), shell=True, cwd=tmp_path, check=True, env=found)  # noqa: S602 - as a reader types it
    words = check.removeprefix("$ ").split()
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, env=found)
    assert (ended.returncode, ended.stdout.strip()) == (0, shown)
    assert (tmp_path / "verdict.xml").is_file()
