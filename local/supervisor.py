"""The small supervisor of one run: prepares its inputs, runs its command under limits, records and tells the end.

`python -m local.supervisor RUN_FOLDER [--lock FD] -- COMMAND...` holds the run's lock from its first moment
to its last, so a run has one supervisor. What a supervisor finds tells what its predecessor did:

    queued    nothing but preparing, which may be repeated: prepare and run
    running   the command was started, and a run starts its command at most once: kill what is left of
              it and record the run as failed. The decision to try again is the chain's, under a new name.
    ended     only the telling may be left
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from local.guarded import Ending, Limits, end_orphans, run_guarded
from local.run_events import tell_until_over
from local.topic import topic_of
from shared.errors import RunFailed
from shared.platforms.local_run import RunFolder, read_json
from shared.platforms.port import RunStatus

PREPARING = Limits(seconds=900.0, memory_mb=2048)  # copying inputs, building an environment that is not there yet
PATIENCE_SECONDS = 60.0  # with Event Grid, after the run's end; then the workspace daemon goes on
PREPARE = (sys.executable, "-m", "local.materialise")
_KEPT_SETTINGS = {"BATON_DATA", "BATON_HOME"}
_log = logging.getLogger("baton.runs")


@dataclass(frozen=True, slots=True)
class Supervision:
    """One run in the care of this process, which holds its lock."""

    folder: RunFolder
    command: Sequence[str]
    environment: Mapping[str, str]

    def to_the_end(self) -> None:
        """Bring the run to its end, whatever was done before, and tell Event Grid."""
        end_orphans(self.folder)
        over = threading.Event()
        teller = threading.Thread(target=self._tell, args=[over])
        try:
            self._finish(teller)
        except Exception as error:  # a fault of ours must not leave the run without an end
            _log.exception("supervising failed run=%s", self.folder.path.name)
            self._reach("failed", f"its supervisor failed: {type(error).__name__}: {error}")
        over.set()
        if not teller.is_alive():
            self._tell(over)

    def _finish(self, teller: threading.Thread) -> None:
        state = self.folder.state()
        if state.status == "running":
            self._reach(
                "failed",
                str(RunFailed("its supervisor ended before it did.", next="retry; was the machine restarted?")),
            )
        elif not state.ended and self._prepare():
            self._run(teller)

    def _prepare(self) -> bool:
        """Get the inputs ready; False if that ended the run."""
        request = self.folder.request()
        if self.folder.asked_to_cancel():
            self._reach("canceled", "canceled before it began")
        elif request.folder or request.inputs:
            ending = run_guarded(
                [*PREPARE, str(self.folder.path)],
                folder=self.folder,
                environment=self._step_environment(),
                limits=PREPARING,
            )
            if ending.exit_code != 0:
                self._reach(*judged(ending, self.folder, PREPARING))
        return not self.folder.state().ended

    def _run(self, teller: threading.Thread) -> None:
        request = self.folder.request()
        limits = Limits(request.max_seconds, request.max_memory_mb)
        self._reach("running")

        def started(pid: int) -> None:
            self.folder.save(replace(self.folder.state(), pid=pid))
            teller.start()

        ending = run_guarded(
            [*self.command, request.step],
            folder=self.folder,
            environment=self._step_environment(),
            limits=limits,
            on_start=started,
        )
        self._reach(*judged(ending, self.folder, limits), seconds=ending.seconds)

    def _reach(self, status: RunStatus, reason: str = "", *, seconds: float = 0.0) -> None:
        state = self.folder.state().reaching(status, datetime.now(UTC), reason=reason, seconds=round(seconds, 3))
        self.folder.save(state)
        _log.info("run %s run=%s seconds=%.1f why=%s", status, self.folder.path.name, seconds, reason)

    def _tell(self, over: threading.Event) -> None:
        if topic := topic_of(self.environment):
            tell_until_over(self.folder, topic, over, patience_seconds=PATIENCE_SECONDS)

    def _step_environment(self) -> dict[str, str]:
        """The command's environment: no secret of Baton's but the data account's."""
        kept = {k: v for k, v in self.environment.items() if not k.startswith("BATON_") or k in _KEPT_SETTINGS}
        pythons = self.folder.path / "pythons.json"
        return kept | {
            "BATON_RUN_DIR": str(self.folder.path),
            "BATON_PYTHONS": pythons.read_text() if pythons.exists() else "{}",
            "PYTHONUNBUFFERED": "1",
            **self.folder.request().environment(),
        }


def judged(ending: Ending, folder: RunFolder, limits: Limits) -> tuple[RunStatus, str]:
    """What an ended command means for its run, and why, with the next step."""
    after = f"after {ending.seconds:.0f} s"
    if ending.stopped == "canceled":
        return "canceled", f"canceled {after}"
    if ending.stopped == "time":
        what, remedy = (
            f"still ran {after}, its limit.",
            "raise train.max_minutes in model.yaml, or make the step quicker",
        )
    elif ending.stopped == "memory":
        what = f"used {ending.memory_mb} MB of memory {after}; its limit is {limits.memory_mb} MB."
        remedy = "raise train.max_memory_mb in model.yaml, or read the data in parts"
    elif ending.exit_code == 0 and folder.result():
        return "completed", ""
    else:
        what, remedy = _own_words(ending, folder)
    return "failed", str(RunFailed(what, next=remedy))


def _own_words(ending: Ending, folder: RunFolder) -> tuple[str, str]:
    """What the run itself says of its failure: its error document, else its last log lines."""
    error = read_json(folder.path / "error.json")
    if error.get("what"):
        return str(error["what"]), str(error.get("next", "read the run's log"))
    if ending.exit_code == 0:
        return "ended with exit code 0 but wrote no result.json.", "read the run's log"
    how = f"exit code {ending.exit_code}" if ending.exit_code > 0 else f"signal {-ending.exit_code}"
    return f"ended with {how}; its last words: {last_words(folder.log) or 'none'}", "read the run's log; mend and retry"


def last_words(log: Path, *, lines: int = 3, characters: int = 500) -> str:
    """The last lines of a log that say something, on one line."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
        said = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return " | ".join(said[-lines:])[-characters:]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.supervisor", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lock", type=int, help="the open file that holds the run's lock, from whoever starts this")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("azure").setLevel(logging.WARNING)
    folder = RunFolder(given.folder.resolve())
    lock = given.lock if given.lock is not None else folder.take()
    if lock is None:
        _log.info("another supervisor has the run run=%s", folder.path.name)
        return 0
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    Supervision(folder, given.command, os.environ).to_the_end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
