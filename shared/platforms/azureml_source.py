"""What is sent along with every run: Baton's own package, the same for all runs, so that it is uploaded once."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

SHARED = Path(__file__).resolve().parents[1]
STARTER = SHARED / "platforms/azureml_entry/start.py.txt"
PACKAGES = SHARED.parent / "requirements-azureml-run.txt"
_PIN = re.compile(r"^([A-Za-z0-9._-]+==[^\s;\\]+)", re.MULTILINE)


def source_folder(home: Path) -> Path:
    """A folder below `home` that holds `shared` and what starts it; made once for each state of the code.

    Callers may overlap, as a submit that hangs and the next try do: the folder comes to be whole, by whoever is first.
    """
    files = sorted(path for path in SHARED.rglob("*.py") if "__pycache__" not in path.parts)
    digest = hashlib.sha256()
    for path in (*files, STARTER):
        digest.update(f"{path.relative_to(SHARED)}\0".encode() + path.read_bytes())
    folder = home.resolve() / "azureml" / digest.hexdigest()[:16]
    if not folder.exists():
        _make(folder, files)
    return folder


def _make(folder: Path, files: Sequence[Path]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder.parent) as place:
        draft = Path(place) / folder.name
        for path in files:
            target = draft / "shared" / path.relative_to(SHARED)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        shutil.copy2(STARTER, draft / "start.py")
        try:
            draft.rename(folder)
        except OSError:
            if not folder.exists():  # else another caller was first
                raise


def run_packages(lock: Path = PACKAGES) -> tuple[str, ...]:
    """The pinned packages of a run's own Python, from their lock."""
    return tuple(_PIN.findall(lock.read_text()))
