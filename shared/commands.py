"""What the chain can do to the world: one entry per command, and what makes repeating it safe.

*named*: exactly one thing comes to be, under a name chosen before. *setting*: the same state again.
*telling*: at least once, with a stable id. *asking*: nothing changes outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class Kind:
    """How a command behaves: its safety, how urgent (0 first), how often it is tried, how long a claim holds.

    `platform` is the one that it asks, if any; while that one's breaker is open, the command waits
    (`shared/performing/breakers.py`). Traffic waits for no breaker: a roll-back is asked for at once, and given up after its tries.
    """

    safety: Literal["named", "setting", "telling", "asking"]
    says: str
    urgency: int = 5
    tries: int = 5
    lease: timedelta = timedelta(seconds=90)
    platform: Literal["", "training", "endpoints"] = ""


TOLD_TRIES = 12  # a channel may be away for twenty minutes

KINDS: Mapping[str, Kind] = {
    "check_file": Kind("named", "check a drop against its contract and keep or quarantine it", urgency=6),
    "tag_drop": Kind("setting", "write the verdict on the drop itself", urgency=7),
    "start_run": Kind("named", "start a run on the ML platform", platform="training"),
    "look_at_run": Kind("asking", "ask the platform how far a run is", platform="training"),
    "cancel_run": Kind("setting", "stop a run that nobody waits for", platform="training"),
    "observe_champion": Kind(
        "setting",
        "ask what serves, and whether the registry agrees, which is told first",
        urgency=3,
        platform="endpoints",
    ),
    "register_version": Kind("named", "register the candidate", platform="training"),
    "deploy_staging": Kind("named", "deploy the version with no traffic", platform="endpoints"),
    "ask_approval": Kind("telling", "ask the approvers", tries=TOLD_TRIES),
    "set_traffic": Kind("setting", "set the whole traffic split, if it is the expected one", urgency=0, tries=8),
    "look_at_step": Kind("asking", "count what the new deployment answered", urgency=2, platform="endpoints"),
    "clean_up": Kind("setting", "remove a deployment that nothing needs", urgency=8, platform="endpoints"),
    "close_segment": Kind("named", "write older journal lines into the immutable container", urgency=8),
    "trim_journal": Kind("setting", "take lines of a closed segment out of the table", urgency=9),
    "forget": Kind("setting", "erase bytes that a person had forgotten, and leave tombstones", urgency=4),
    "tell": Kind("telling", "tell the owner how it ended", urgency=7, tries=TOLD_TRIES),
}


CAPACITY_WITHIN = timedelta(hours=24)
LONGEST_WAIT_SECONDS = 120


def wait_for_capacity(refused: int, spread: int, *, asked_seconds: float = 0.0) -> timedelta:
    """How long to wait after the `refused`-th refusal: 5, 10, 20, ... seconds, at most 2 minutes, or longer if asked to.

    `spread` is any number of the command's own: by it the pause is up to a quarter longer, so that many do not come at once.

    >>> [wait_for_capacity(n, 0).total_seconds() for n in (1, 2, 3, 10)]
    [5.0, 10.0, 20.0, 120.0]
    >>> wait_for_capacity(1, 50).total_seconds(), wait_for_capacity(1, 0, asked_seconds=300).total_seconds()
    (5.625, 300.0)
    """
    pause = max(min(LONGEST_WAIT_SECONDS, 5 * 2 ** min(refused - 1, 10)), min(asked_seconds, 3600.0))
    return timedelta(seconds=pause * (1 + spread % 100 / 400))


def pause_after(tries: int) -> timedelta:
    """How long to wait after the `tries`-th failure: 2, 4, 8, ... seconds, at most 5 minutes.

    >>> [int(pause_after(n).total_seconds()) for n in (1, 2, 3, 10)]
    [2, 4, 8, 300]
    """
    return timedelta(seconds=min(300, 2**tries))
