"""Python environments of the models, one for each distinct list of requirements, on the machine where a run goes.

A *run* environment is the folder's requirements.txt; a *serving* one is Microsoft's inference server and the same list without
MLflow; a *checks* one has what tests/checks/requirements.txt lists beside the folder's; a *scoring* one is what score.py needs, by
another Python if one is asked for. All are found under `<home>/envs/<kind>-<hash of the list>`.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from shared.errors import Permanent
from shared.platforms.local_run import write_json
from shared.runs.interpreters import installed

Kind = Literal["run", "serving", "checks", "scoring"]
CHECKS = Path("tests", "checks", "requirements.txt")
SERVER = ("azureml-inference-server-http==1.5.1", "gunicorn>=23,<27")
INSTALL_SECONDS = 840.0
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
_ELSEWHERE = ("-r", "--requirement", "-c", "--constraint", "-e", "--editable", ".", "/")
_MLFLOW = re.compile(r"mlflow([-_.](skinny|tracing))?\b(?![-_.])", re.IGNORECASE)


class EnvironmentFailed(Permanent):
    """A model's requirements could not be installed; the message carries the installer's last words."""


def python_for(folder: Path, kind: Kind, *, home: Path, version: str = "") -> Path:
    """The interpreter of the folder's environment, which is built if it is not there (seconds to minutes).

    Callers at the same time build it once; half-built ones are never returned. With a `version` (3.13) it is that Python,
    which must be on this machine; otherwise the one that runs this.
    """
    wanted, base = requirements(folder, kind), installed(version) if version else Path(sys.executable)
    if base is None:
        raise EnvironmentFailed(
            f"there is no Python {version} on this machine.",
            next=f"put python{version} on its PATH, or let model.yaml name another version, in quotes",
        )
    environment = home.resolve() / "envs" / f"{kind}-{_digest(wanted, version or RUNNING)}"
    if not _is_ready(environment):
        environment.parent.mkdir(parents=True, exist_ok=True)
        with environment.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_ready(environment):
                _build(environment, wanted, folder, base)
    return _python(environment)


def requirements(folder: Path, kind: Kind) -> tuple[str, ...]:
    """The lines that the environment is made of: no comments, options kept, continued lines joined."""
    wanted = _lines(folder, Path("requirements.txt"))
    if kind == "run":
        return wanted
    if kind == "checks":
        return (*wanted, *(line for line in _lines(folder, CHECKS) if line not in wanted))
    served = tuple(line for line in wanted if not _MLFLOW.match(line))
    return served if kind == "scoring" else (*SERVER, *served)


def _lines(folder: Path, name: Path) -> tuple[str, ...]:
    file = folder / name
    if not file.exists():
        raise EnvironmentFailed(f"{folder.name} has no {name}.", next="add one that pins what train.py imports")
    joined = file.read_text().replace("\\\n", " ")
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines()]
    wanted = tuple(line for line in lines if line)
    if elsewhere := [line for line in wanted if line.startswith(_ELSEWHERE)]:
        raise EnvironmentFailed(
            f"{name} of {folder.name} refers to {elsewhere[0]!r}, which its hash does not cover.",
            next="list the requirements themselves, pinned",
        )
    return wanted


def _digest(wanted: Sequence[str], version: str) -> str:
    return hashlib.sha256("\n".join([f"python {version}", *wanted]).encode()).hexdigest()[:16]


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"


def _is_ready(environment: Path) -> bool:
    """Whole, and its interpreter still starts from where it was made (a moved or upgraded Python breaks the link)."""
    return (environment / "ready.json").exists() and _python(environment).exists()


def _build(environment: Path, wanted: Sequence[str], folder: Path, base: Path) -> None:
    shutil.rmtree(environment, ignore_errors=True)
    began = time.monotonic()
    create, install = _installer(environment, str(base))
    _execute(create, folder)
    (environment / "wanted.txt").write_text("\n".join(wanted) + "\n")
    _execute([*install, "-r", str(environment / "wanted.txt")], folder)
    seconds = round(time.monotonic() - began, 1)
    write_json(environment / "ready.json", {"seconds": seconds, "requirements": list(wanted)})


def _installer(environment: Path, base: str) -> tuple[list[str], list[str]]:
    """How to make an environment and how to install into it: with uv beside this Python, else with pip."""
    uv, python = Path(sys.executable).with_name("uv"), str(_python(environment))
    if uv.exists():
        make = [str(uv), "venv", "--quiet", "--no-project", "--python", base, str(environment)]
        return make, [str(uv), "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    return [base, "-m", "venv", str(environment)], [python, "-m", "pip", "install", "--quiet"]


def _execute(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFailed(
            f"installing the requirements of {folder.name} took longer than {INSTALL_SECONDS:.0f} s.",
            next="look at the connection to the package index, then retry; what was downloaded is kept",
        ) from error
    if done.returncode != 0:
        said = " | ".join(line.strip() for line in done.stderr.splitlines() if line.strip())[-800:]
        raise EnvironmentFailed(
            f"the requirements of {folder.name} cannot be installed: {said or 'the installer said nothing'}.",
            next=f"mend requirements.txt of the model folder (try `pip install -r` on Python {RUNNING}), publish it, then retry",
        )
