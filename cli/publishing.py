"""Publishing a model folder: validated here, uploaded under its hash, then an event like any other. No restart."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import address, api, options
from cli.address import Address
from cli.telling import tell_json, tell_next, waiting
from shared.errors import Permanent, SpecRefused

if TYPE_CHECKING:
    from shared.spec import Spec

PAUSE_SECONDS = 0.25


class GitSilent(Permanent):
    """Git does not tell what the folder's repository holds: there is none, or git is not there, fails or takes too long."""


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--why", default="", help="The reason; the journal keeps it as written.")
@click.option("--commit", default="", help="Refuse a folder that is not exactly as this commit has it, all 40 digits.")
@click.option(
    "--timeout", "timeout_seconds", default=20.0, show_default=True, help="Seconds to wait until it is current."
)
@options.user(options.DATA_SCIENTIST)
@options.as_json
def publish(folder: Path, why: str, commit: str, timeout_seconds: float, user: str, wants_json: bool) -> None:
    """Publish a model folder: its rules and its code.

    Every fault of the folder is listed at once, with file, line and what would be right (exit code 2).

    \b
    Example:  baton publish models/diabetes --why "ridge instead of lasso"
    """
    at = address.find(user)
    if commit and (differs := not_as_in(commit, folder)):
        raise Permanent(
            f"{folder} is not as commit {commit} has it: {differs}.", next="check out that commit, unchanged"
        )
    model, folder_hash = put_folder(at, folder)
    with waiting(f"publishing {model} {folder_hash}"):
        recorded = api.ask(at, "models", model, "publish", folder=folder_hash, why=why)
        is_current = wait_for(at, model, folder_hash, within_seconds=timeout_seconds)
    if wants_json:
        tell_json({"model": model, "folder": folder_hash, "current": is_current, **recorded})
        return
    click.echo(f"{model} {folder_hash} {'is published' if is_current else 'is uploaded; its event is not decided yet'}")
    tell_next(f"baton drop {model} FILE --wait" if is_current else f"baton status {model}")


def put_folder(at: Address, folder: Path) -> tuple[str, str]:
    """Validate a folder and upload it; returns the model and the folder's hash. Safe to repeat: no file changes."""
    from shared.files.folder import folder_files, folder_hash
    from shared.files.published import MODELS, source_blob
    from shared.model_yaml.spec_file import load_folder
    from shared.wiring import storage

    spec, found = load_folder(folder), folder_hash(folder)
    _check_gates(spec)
    _, _, blobs = storage(at.setting("BATON_DATA"))
    for file in folder_files(folder):
        name = f"{spec.name}/{found}/{file.relative_to(folder).as_posix()}"
        blobs.put(MODELS, name, file.read_bytes(), content_type="application/octet-stream")
    if source := source_of(folder):
        blobs.put(MODELS, source_blob(spec.name, found), json.dumps(source).encode(), content_type="application/json")
    return spec.name, found


def source_of(folder: Path) -> dict[str, object]:
    """The commit that the folder's repository stands at, and whether the folder differs from it; empty outside of one.

    A folder of which git cannot tell counts as one that differs.
    """
    try:
        commit = _git(folder, "rev-parse", "HEAD")
    except GitSilent:
        return {}
    try:
        changed = bool(_git(folder, "status", "--porcelain", "--", "."))
    except GitSilent:
        changed = True
    return {"commit": commit + ("+changed" if changed else ""), "changed": changed}


def not_as_in(commit: str, folder: Path) -> str:
    """How the folder differs from this commit, which its repository must stand at; "" if it is the same, file by file.

    `GitSilent` if git cannot tell.
    """
    from shared.files.folder import folder_files

    head = _git(folder, "rev-parse", "HEAD")
    if head != commit:
        return f"its repository stands at {head}"
    changed = _git(folder, "diff", "--name-only", "--relative", "-z", commit, "--", ".").split("\0")
    tracked = _git(folder, "ls-files", "-z", "--", ".").split("\0")
    added = (file.relative_to(folder).as_posix() for file in folder_files(folder))
    different = sorted({*filter(None, changed), *(name for name in added if name not in tracked)})
    return f"{', '.join(different[:5])} {'differs' if len(different) == 1 else 'differ'}" if different else ""


def _git(folder: Path, *question: str) -> str:
    """Git's answer; `GitSilent` with what it said instead."""
    try:
        asked = subprocess.run(["git", *question], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", "") or "").strip() or str(error)
        todo = f"cd {folder} && git {' '.join(question)}"
        raise GitSilent(f"git {question[0]} does not answer for {folder}: {said}", next=todo) from error
    return asked.stdout.strip()


def _check_gates(spec: Spec) -> None:
    from shared.gating.gate_breaks import self_test

    faults = self_test(spec.gates)
    if faults:
        raise SpecRefused("The gates fail their self-test:\n" + "\n".join(faults), next="mend `gates` in model.yaml")


def wait_for(at: Address, model: str, folder: str, *, within_seconds: float) -> bool:
    """Whether the folder became the model's current one in time; a paused model decides later."""
    until = time.monotonic() + within_seconds
    while time.monotonic() < until:
        if api.read(at, "models", model)["folder"] == folder:
            return True
        time.sleep(PAUSE_SECONDS)
    return False
