"""Drops that are too large for `perform`: checked and kept by a run on the platform, with the same code.

The run is named by the command, so a repeat finds it. It writes the bytes where they are kept; the reports, which are
small, are written here, from the verdict that it left.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from shared.data.verdict import Verdict
from shared.effects.parts import Later, Parts
from shared.effects.references import references_of_run
from shared.effects.verdicts import MODELS, contract_blob
from shared.errors import Permanent
from shared.names import check_run_id
from shared.platforms.port import RunRequest
from shared.state import Command

LOOK_AGAIN = timedelta(seconds=20)
CHECK_SECONDS = 3 * 3600.0
CHECKED_WITHIN = timedelta(hours=24)
STILL_GOING = ("queued", "running")


class CheckRunFailed(Permanent):
    """The run that was to check a drop gave no verdict: that says nothing of the drop."""


def is_with_a_run(parts: Parts, model: str, command: Command) -> bool:
    """Whether a run was started for the drop before: nobody asks the platform of one that is looked at for the first time."""
    return command.asked_since is not None and parts.trainer.look(check_run_id(model, command.number)) is not None


def check_by_run(parts: Parts, model: str, command: Command, *, drop: str) -> Verdict | Later:
    """The verdict of the command's run on its input `drop`; `Later` while it goes, and when it was only started now.

    `CheckRunFailed` where it ended without a verdict, or did not end within `CHECKED_WITHIN` of the first look at it.
    """
    run_id = check_run_id(model, command.number)
    seen = parts.trainer.look(run_id)
    if seen is None:
        parts.trainer.start(_request(parts, model, command, run_id, drop))
        return Later(LOOK_AGAIN)
    if seen.status in STILL_GOING:
        if command.asked_since is not None and parts.clock() - command.asked_since > CHECKED_WITHIN:
            raise _overdue(parts, command, run_id, seen.status)
        return Later(LOOK_AGAIN)
    verdict = seen.result.get("verdict")
    if seen.status != "completed" or not isinstance(verdict, Mapping):
        raise CheckRunFailed(
            f"run {run_id}, which was to check {command.payload['blob']}, {seen.status}: {seen.reason or 'no verdict'}",
            next=f"look at {run_id}'s log; if it needs more memory, publish a higher train.max_memory_mb; then drop the file again, "
            "or `baton deadletters replay` checks this one; docs/runbook.md#check-file",
        )
    return Verdict.from_dict(verdict)


def _overdue(parts: Parts, command: Command, run_id: str, status: str) -> CheckRunFailed:
    """The run is stopped and its drop held: a replay starts another one."""
    parts.trainer.cancel(run_id)
    hours = CHECKED_WITHIN.total_seconds() / 3600
    what = f"run {run_id}, which was to check {command.payload['blob']}, is {status} for more than {hours:g} hours"
    todo = "see why the platform starts no run, then `baton deadletters replay` checks the drop; docs/runbook.md#check-file"
    return CheckRunFailed(what, next=todo)


def _request(parts: Parts, model: str, command: Command, run_id: str, drop: str) -> RunRequest:
    folder = command.payload["folder"]
    contract = parts.blobs.read(MODELS, contract_blob(parts, model, folder))
    return RunRequest(
        run_id=run_id,
        model=model,
        step="check",
        folder=folder,
        inputs={"drop": drop, **references_of_run(parts, contract)},
        max_seconds=CHECK_SECONDS,
        max_memory_mb=parts.rules(model, folder).train.max_memory_mb,
    )
