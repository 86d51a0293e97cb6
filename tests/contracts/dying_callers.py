"""Callers of `LocalTrainer.start` in processes of their own: `python -m tests.contracts.dying_callers MODE HOME COMMAND...`

`killed` forks one caller for each line of `start` and kills it (SIGKILL) before that line, each with a run id
of its own; `racing` forks eight that start the same run at the same moment. Both print the run ids as JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from shared.platforms import local, local_run
from shared.platforms.local import LocalTrainer
from shared.platforms.port import RunRequest
from tests.contracts.interruption import interrupted

CALLERS = 8
FILES = (str(local.__file__), str(local_run.__file__))


def request(run_id: str, behaviour: str) -> RunRequest:
    """A run of no folder and no inputs that the contract's own script carries out."""
    return RunRequest(run_id, "pulse", "train", folder="", parameters={"behaviour": behaviour})


def fork(call: Callable[[], object]) -> int:
    """Run `call` in a child and return its pid; the child ends with 0 if the call does."""
    pid = os.fork()
    if pid == 0:
        call()
        os._exit(0)
    return pid


def killed(home: Path, command: Sequence[str]) -> list[str]:
    """Callers killed before each line of `start` in turn, until one comes to its end."""
    ids = []
    for line in itertools.count(1):
        run_id = f"pulse-0001-t-{line}"
        ids.append(run_id)
        start = partial(LocalTrainer(home, command=command).start, request(run_id, "succeeds"))
        pid = fork(partial(interrupted, start, at_line=line, files=FILES, how=_kill_self))
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            return ids
    raise AssertionError("unreachable")


def racing(home: Path, command: Sequence[str]) -> list[str]:
    """Eight callers that wait for the same pipe to close before they start the same run."""
    run_id = "pulse-0002-t-1"
    gate, opener = os.pipe()

    def start() -> None:
        os.close(opener)
        os.read(gate, 1)
        LocalTrainer(home, command=command).start(request(run_id, "lasts"))

    children = [fork(start) for _ in range(CALLERS)]
    os.close(opener)
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
    return [run_id]


def _kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    mode, home, *command = sys.argv[1:]
    print(json.dumps({"killed": killed, "racing": racing}[mode](Path(home), command)))
