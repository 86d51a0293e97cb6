"""Trying mutants: one process collects the tests once, and for each mutant a fork of it runs those that reach what is changed.

Which tests reach a function is found first, by coverage of each test alone. A fork ends at the first test that fails; those that
noticed another mutant of the function come first, then the quick ones. What computes much longer than the tests do is stopped, and
counts as noticed. Nothing is written but the result.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.making import Mutant, lines_of, unchanged
from tests.mutants.putting import NoImport, put_in

UNREACHED, SURVIVED, ENDLESS = "no test reaches it", "", "it does not end"
BROKE = "broke:"
ROOM_BYTES = 1 << 30
EXAMPLES = 15  # of each property: what so few notice, more would
SETTINGS = "_hypothesis_internal_use_settings"


def lives(noticed: str) -> bool:
    """Whether nothing noticed the mutant; what broke the trial itself is no test's doing."""
    return noticed in (SURVIVED, UNREACHED) or noticed.startswith(BROKE)


Result = Callable[[Mutant, str], None]


@dataclass
class Trial:
    """A pytest plugin that, in place of the tests, tries mutants with them. `told` hears each mutant and what noticed it."""

    root: Path
    paths: Sequence[str]
    mutants: Sequence[Mutant]
    workers: int
    told: Result
    seconds: float = 0.0
    tests: int = 0
    failed: str = ""
    _reach: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    _took: dict[str, float] = field(default_factory=dict)

    def pytest_collection(self) -> None:
        """Before the tests are imported: properties draw the same examples each time, and do not shrink what they find."""
        from hypothesis import HealthCheck, Phase, settings

        phases = (Phase.explicit, Phase.generate)
        checks = (HealthCheck.too_slow, HealthCheck.filter_too_much)
        settings.register_profile(
            "mutants", derandomize=True, phases=phases, database=None, deadline=None, suppress_health_check=checks
        )
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Unit tests only: what plays a whole installation is no test of a rule."""
        from hypothesis import settings

        items[:] = [item for item in items if "world" not in getattr(item, "fixturenames", ())]
        for item in items:
            test = getattr(item, "obj", None)
            if usual := getattr(test, SETTINGS, None):
                setattr(test, SETTINGS, settings(usual, max_examples=min(usual.max_examples, EXAMPLES)))

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once as they are, then try each mutant."""
        alone = _alone(lambda: self._as_it_is(session.items), None)
        if not isinstance(alone, dict):
            self.failed = f"the tests could not be run: {alone}"
            return True
        self._reach = alone["reach"]
        took = self._took = alone["took"]
        self.failed, self.tests, self.seconds = alone["failed"], len(took), sum(took.values())
        self.failed = self.failed or self._control(session.items)
        if not self.failed:
            by_name = {item.nodeid: item for item in session.items}
            gc.freeze()
            workers = [os.fork() or self.work(number, by_name, took) for number in range(self.workers)]
            if sum(os.waitpid(worker, 0)[1] for worker in workers):
                self.failed = "not done; why stands above"
        return True

    def _as_it_is(self, items: Sequence[pytest.Item]) -> dict[str, Any]:
        from coverage import Coverage

        watched = Coverage(data_file=None, include=[str(self.root / path) for path in self.paths])
        watched.start()
        took = {}
        for item in items:
            watched.switch_context(item.nodeid)
            began = time.process_time()
            if failure(item):
                return {"failed": f"{item.nodeid} fails without any mutant", "took": {}, "reach": {}}
            took[item.nodeid] = time.process_time() - began
        watched.stop()
        data = watched.get_data()
        reach = {path: data.contexts_by_lineno(str(self.root / path)) for path in self.paths}
        return {"failed": "", "took": took, "reach": reach}

    def _control(self, items: Sequence[pytest.Item]) -> str:
        """The test that fails, or what breaks, when each statement is put in as it is: then no mutant's end would prove anything."""
        statements = unchanged(self.root, self.mutants)
        noticed = _alone(lambda: self._notice(statements, items), 5 * self.seconds + 2)
        return "" if noticed == SURVIVED else f"with nothing changed: {noticed}"

    def work(self, number: int, items: Mapping[str, pytest.Item], took: Mapping[str, float]) -> int:
        """What a worker does; it does not return, and ends with 1, having told why, where its share is not done."""
        is_done = False
        try:
            is_done = self.share(number, items, took)
        except BaseException:  # noqa: BLE001  # the process ends here, whatever it was
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(0 if is_done else 1)

    def share(self, number: int, items: Mapping[str, pytest.Item], took: Mapping[str, float]) -> bool:
        """Try a worker's share of the mutants; True when it is done."""
        noticing: Counter[tuple[str, str]] = Counter()
        for mutant in self.mutants[number :: self.workers]:
            place = f"{mutant.path}: {mutant.within}"
            names = sorted(self.tests_of(mutant), key=lambda name, at=place: (-noticing[at, name], took[name]))
            noticed = self.noticed_by(mutant, [items[name] for name in names])
            noticing[place, noticed] += 1
            self.told(mutant, noticed)
        return True

    def noticed_by(self, mutant: Mutant, chosen: Sequence[pytest.Item]) -> str:
        """What of these, in this order, notices the mutant first."""
        limit = 5 * sum(self._took[item.nodeid] for item in chosen) + 2
        return str(_alone(lambda: self._notice([mutant], chosen), limit)) if chosen else UNREACHED

    def tests_of(self, mutant: Mutant) -> set[str]:
        """The tests that run the changed statement; for what importing runs, all."""
        lines, span = self._reach[mutant.path], lines_of(self.root, mutant)
        if span is None:
            return set(self._took)
        return {name for line in span for name in lines.get(str(line), ())} - {""}

    def _notice(self, mutants: Sequence[Mutant], chosen: Sequence[pytest.Item]) -> str:
        try:
            for mutant in mutants:
                module = importlib.import_module(mutant.path.removesuffix(".py").replace("/", "."))
                put_in(mutant, module, self.root)
        except NoImport as error:
            return f"import: {error}"
        return next((item.nodeid for item in chosen if self.notices(item)), SURVIVED)

    def notices(self, item: pytest.Item) -> bool:
        """Whether the test fails as things are now, in whatever way."""
        return failure(item) is not None


def failure(item: Any) -> BaseException | None:
    """Run one test, with its fixtures and without pytest's report, which would read sources for what nobody reads."""
    state = item.session._setupstate
    try:
        item._initrequest()
        state.setup(item)
        item.runtest()
    except pytest.skip.Exception:
        return None
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  # whatever a test raises, it noticed
        return error
    finally:
        state.teardown_exact(None)
    return None


def _alone(do: Callable[[], object], cpu_seconds: float | None) -> object:
    """What a fork of this process answers, or how it ended: by needing more computing than that, or by what is no answer."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.read()
        _, status = os.waitpid(child, 0)
        if not said:
            return ENDLESS if os.WTERMSIG(status) == signal.SIGXCPU else f"{BROKE} signal {os.WTERMSIG(status)}"
        return json.loads(said)
    try:
        quiet = os.open(os.devnull, os.O_RDWR)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        if cpu_seconds is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_seconds) + 1, int(cpu_seconds) + 2))
            resource.setrlimit(resource.RLIMIT_AS, (_size() + ROOM_BYTES, _size() + ROOM_BYTES))
        answer = json.dumps(do())
        os.write(writing, answer.encode()) if len(answer) < 60_000 else _write_all(writing, answer.encode())
    except BaseException as error:  # noqa: BLE001
        os.write(writing, json.dumps(f"{BROKE} {error!r}"[:500]).encode())
    finally:
        os._exit(0)


def _write_all(to: int, body: bytes) -> None:
    while body:
        body = body[os.write(to, body) :]


def _size() -> int:
    """The address space of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def run(trial: Trial, tests: Sequence[str]) -> None:
    """Collect the tests and try; `trial.failed` says why it could not be done."""
    options = ["-q", "-s", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-o", "timeout=0"]
    sys.dont_write_bytecode = True
    named = [str(trial.root / name) for name in tests]
    ended = pytest.main([*options, f"--rootdir={trial.root}", *named], plugins=[trial])
    if ended and not trial.failed:
        trial.failed = f"the tests were not all collected and tried: pytest ended with {int(ended)}"
