"""A random history, repeated step by step from its script: how a failing seed of the tests is understood."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click

from cli import options
from cli.telling import DONE, ERROR, tell_json, tell_next
from shared.errors import Permanent

SCRIPT = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("replay-history")
@click.argument("file", type=SCRIPT)
@options.as_json
def replay_history(file: Path, wants_json: bool) -> int:
    """Play a history from its script, in memory, and tell each step.

    `make test` and `make chaos` write one for each random history that breaks a promise: who does what, one step a line,
    and where a process is stopped. Nothing outside this process is touched. Exit code 1 if an oracle finds something.

    \b
    Example:  baton replay-history .baton/chaos/history-17.txt
    """
    history, played = _player().replay(file, None if wants_json else click.echo)
    findings = [{"oracle": finding.oracle, "what": finding.what} for finding in played.findings]
    if wants_json:
        told = {"kind": history.kind, "seed": history.seed, "steps": len(history.steps), "findings": findings}
        tell_json({**told, "calls": played.calls, "faults": played.faults})
        return ERROR if findings else DONE
    click.echo(f"{len(history.steps)} steps, {played.calls} calls of ports, {played.faults} faults.")
    for finding in findings:
        click.echo(f"{finding['oracle']}: {finding['what']}")
    if not findings:
        click.echo("Every promise was kept.")
        return DONE
    tell_next(
        f"read the steps above; docs/guarantees.md says what each oracle holds; mend, then baton replay-history {file}"
    )
    return ERROR


def _player() -> Any:
    """The tests' own player, which only a clone has."""
    try:
        return importlib.import_module("tests.histories.replay")
    except ModuleNotFoundError as missing:
        what = f"Histories are played by Baton's tests, and there is no {missing.name} here."
        raise Permanent(what, next="run it in a clone, after `make setup`") from missing
