"""Checks of this laptop: what must be installed, built and free before anything runs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

from cli import address, orphans
from cli.doctor import Check
from shared.errors import Permanent

ROOT = Path(__file__).resolve().parents[1]
LEAST_FREE_GB = 2.0


class Wrong(Permanent):
    """A check found a fault."""


def checks() -> Iterator[tuple[str, Check]]:
    """Name and check, in the order in which faults should be mended."""
    home = address.home()
    yield "Python", python
    yield "environment", virtual_environment
    yield "Node", node
    yield "Azurite", partial(azurite, home)
    yield "disk", partial(disk, home)
    for folder in sorted(file.parent for file in Path("models").glob("*/model.yaml")):
        yield str(folder), partial(model_folder, folder)
        yield f"{folder} to run", partial(environment_of, folder, "run", home)
        yield f"{folder} to serve", partial(environment_of, folder, "serving", home)
    yield "earlier stack", partial(earlier_stack, home)
    yield "telling people", partial(told_at, os.environ.get("BATON_NOTIFY", ""))


def python() -> str:
    """Baton runs on 3.11, since azureml-core does."""
    found = "{}.{}.{}".format(*sys.version_info[:3])
    if sys.version_info[:2] != (3, 11):
        raise Wrong(f"this is Python {found}, Baton's laptop runs on 3.11", next="install Python 3.11, then make setup")
    return found


def virtual_environment() -> str:
    """The clone's own environment, which `make setup` makes."""
    if not (ROOT / ".venv" / "bin" / "python").exists():
        raise Wrong(".venv is not there", next="make setup")
    if not (ROOT / ".venv" / "bin" / "baton").exists():
        raise Wrong(".venv lacks the command `baton`", next="make setup")
    return ".venv"


def node() -> str:
    """Azurite needs it."""
    from local.setup import NODE_MINIMUM, node_version

    found = node_version()
    if found < NODE_MINIMUM:
        raise Wrong(f"Node {NODE_MINIMUM} or newer is not there", next="make setup")
    return str(found)


def azurite(home: Path) -> str:
    """Installed for this home or for the clone."""
    from local.azurite import PROGRAM

    if not any((folder / "azurite" / PROGRAM).exists() for folder in (home, ROOT / ".baton")):
        raise Wrong("Azurite is not installed", next="make setup")
    return "installed"


def disk(home: Path, *, least_free_gb: float = LEAST_FREE_GB) -> str:
    """Space for environments, runs and storage."""
    place = next(folder for folder in (home.resolve(), *home.resolve().parents) if folder.exists())
    free = shutil.disk_usage(place).free / 1e9
    if free < least_free_gb:
        todo = f"free some space: {home}/envs and {home}/runs hold the most, and both are made again when needed"
        raise Wrong(f"{free:.1f} GB are free, less than {least_free_gb:g}", next=todo)
    return f"{free:.0f} GB free"


def model_folder(folder: Path) -> str:
    """Valid, with gates that can pass and can hold."""
    from shared.gating.gate_breaks import self_test
    from shared.model_yaml.spec_file import load_folder

    faults = self_test(load_folder(folder).gates)
    if faults:
        raise Wrong("; ".join(faults), next=f"mend `gates` in {folder}/model.yaml")
    return "valid"


def environment_of(folder: Path, kind: Literal["run", "serving"], home: Path) -> str:
    """Built from the requirements as they are now."""
    from shared.runs.environments import requirements

    wanted = list(requirements(folder, kind))
    for ready in (home / "envs").glob(f"{kind}-*/ready.json"):
        if json.loads(ready.read_text())["requirements"] == wanted and (ready.parent / "bin" / "python").exists():
            return f"environment {ready.parent.name}"
    todo = f"BATON_HOME={home} .venv/bin/python -m local.environments {folder}; or leave it to the first run"
    raise Wrong("its environment is not built, so that the first run takes minutes", next=todo)


def earlier_stack(home: Path) -> str:
    """No stack.json, and no parts, of a stack that was killed."""
    from local import stack

    left = orphans.find(home)
    if left:
        raise Wrong(f"parts of a killed stack still run: {', '.join(left)}", next="baton down")
    if (home / "stack.json").exists() and stack.state(home) is None:
        raise Wrong(f"{home}/stack.json tells of a stack that is gone", next="baton down")
    return "nothing is left over"


def told_at(text: str) -> str:
    """The addresses of BATON_NOTIFY by their schemes: the rest of them is secret. Nothing is sent."""
    from shared.notify_apprise import reads, scheme

    addresses = text.split()
    unread = [place for place, address in enumerate(addresses, start=1) if not reads(address)]
    if unread:
        what = f"apprise reads no address in place {', '.join(map(str, unread))} of BATON_NOTIFY"
        raise Wrong(what, next="write it as on https://appriseit.com/services/; docs/azure.md#telling-people")
    return ", ".join(map(scheme, addresses)) or "nowhere but in files: .baton/notices"
