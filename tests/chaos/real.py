"""Chaos with real parts: the whole laptop, real files, SIGKILLs, a paused Azurite and broken connections to storage.

`python -m tests.chaos.real` runs 200 drops in 4 models with 30 kills, in 15 minutes at most; `--drops`, `--kills`,
`--models` and `--seed` change that. It ends with the account of `accounts.py`, and with 1 if anything is missing.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from azure.storage.blob import BlobServiceClient, LinearRetry

from local import stack
from local.client import Client
from local.daemon import share_environments
from local.faultplan import Plan
from local.faultswitch import Faults
from shared import wiring
from shared.errors import BatonError, Retryable
from shared.journaling.archive import Archive
from shared.ledger import Ledger
from shared.settings import Settings
from shared.state import LIVE, Release
from tests.chaos import accounts
from tests.chaos.accounts import Books, Uploaded
from tests.chaos.breaking import TARGETS, Breaker, plan
from tests.chaos.drops import drops, model_folder
from tests.conftest import PROJECT

MODELS = ("amber", "birch", "cedar", "dune")
EVENT_GRID_FASTER = 20
HURRY = {"BATON_SWEEP": "*/2 * * * * *"}
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much happens. `files_a_batch` accepted files make a release; `seconds` bound the whole."""

    drops: int = 200
    kills: int = 30
    pauses: int = 4
    models: int = 4
    files_a_batch: int = 12
    storm_seconds: float = 360.0
    seconds: float = 900.0


@dataclass
class Ground:
    """A running stack with its models, and what was dropped so far."""

    running: stack.Stack
    names: tuple[str, ...]
    chance: random.Random
    say: Say
    uploaded: list[Uploaded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.past = stack.data_connection(self.running.ports, "blob", "azurite_queue", "azurite_table")
        table, _, blobs = wiring.storage(self.past)
        self.book = Ledger(table, Archive(blobs))
        _, registry, endpoints = wiring.platform(Settings.from_env(self.running.env), blobs)
        self.books = Books(self.book, blobs, self.running.home, registry, endpoints)
        self.operations = Client(self.running.env, "operations")

    @property
    def faults(self) -> Faults:
        """The switch of the fault proxy."""
        return Faults("", "", "", f"http://127.0.0.1:{self.running.ports['fault_switch']}")

    def publish(self, folder: Path, *, files_a_batch: int) -> None:
        """Publish the models."""
        for model in self.names:
            Client(self.running.env, "data-scientist").publish(model_folder(model, folder, files_a_batch=files_a_batch))

    def drop_all(self, seed: int, count: int, seconds: float) -> None:
        """Upload the drops in about so many seconds, as a data engineer's program does: it tries again until it is taken."""
        patient = LinearRetry(1, 60, random_jitter_range=1, retry_connect=60, retry_read=60, retry_status=60)
        with BlobServiceClient.from_connection_string(self.past, retry_policy=patient, read_timeout=20) as service:
            for drop in drops(seed, self.names, count):
                client = service.get_blob_client("incoming", f"{drop.model}/{drop.name}")
                taken = client.upload_blob(drop.content, overwrite=True)
                self.uploaded.append(Uploaded(drop, taken["etag"].strip('"')))
                time.sleep(self.chance.uniform(0, 2 * seconds / count))

    def decide(self, *, leave: str = "") -> None:
        """Operations approve what waits; they reject one in five. `leave` is a model that nobody looks after."""
        for model in self.names:
            for release in self._open(model):
                if release.state == "awaiting approval" and model != leave:
                    action = "reject" if self.chance.random() < 0.2 and release.number > 1 else "approve"
                    self.ask(f"/api/releases/{release.id}/{action}")

    def _open(self, model: str) -> list[Release]:
        with contextlib.suppress(Retryable):
            return list(self.book.read(model).releases.values())
        return []

    def ask(self, path: str) -> bool:
        """Ask the API for something; False if it cannot answer just now, or says no."""
        with contextlib.suppress(BatonError, OSError, ValueError):
            self.operations.post(path, {"why": "a run with real parts"})
            return True
        return False

    def score(self) -> None:
        """A few requests to what serves, so that a roll-out has traffic to look at."""
        for model in self.names:
            with contextlib.suppress(Exception):
                self.operations.score(model, '{"data": [{"X1": 0.1, "X2": 0.2}]}')

    def is_quiet(self, model: str) -> bool:
        """Nothing waits to be decided or done, nothing is being built or rolled out."""
        seen = self.book.read(model)
        if seen.head is None or seen.inbox or seen.head.building or seen.head.early:
            return False
        shipping = seen.releases.get(seen.head.shipping)
        if shipping is not None and shipping.state != "awaiting approval":
            return False
        return seen.head.outstanding == len(seen.head.later)

    def is_used(self, model: str) -> bool:
        """Every accepted file is in a release's dataset version."""
        head = self.book.head(model)
        return head is not None and head.basket.first_file == head.next_file


def run(size: Size, seed: int, say: Say) -> list[str]:
    """One run; what is wrong afterwards, nothing if all is well. It takes at most about `size.seconds`."""
    deadline = time.monotonic() + size.seconds
    with tempfile.TemporaryDirectory(prefix="baton-chaos-") as place:
        home = Path(place) / "home"
        home.mkdir()
        share_environments(PROJECT / ".baton", home)
        with stack.running(home, lambda *_: None, extra=HURRY, faults=True, compress=EVENT_GRID_FASTER) as running:
            ground = Ground(running, MODELS[: size.models], random.Random(f"people:{seed}"), say)
            ground.publish(Path(place) / "folders", files_a_batch=size.files_a_batch)
            storm(ground, size, seed)
            settled = settle(ground, deadline)
            return [*settled, *account(ground)]


def storm(ground: Ground, size: Size, seed: int) -> None:
    """Drops, kills, pauses and broken connections at once; what a restart takes is made up for, so that the storm ends in time."""
    breaker = Breaker(ground.running, random.Random(f"kills:{seed}"), ground.say)
    ground.faults.follow(plan(seed))
    dropping = threading.Thread(target=ground.drop_all, args=[seed, size.drops, size.storm_seconds * 0.8])
    dropping.start()
    due = time.monotonic()
    for action in _moments(breaker, size):
        due += breaker.chance.uniform(0.2, 1.8) * size.storm_seconds / (size.kills + size.pauses)
        while time.monotonic() < due:
            ground.decide()
            ground.score()
            time.sleep(0.5)
        action()
    dropping.join()
    ground.say(f"dropped {dict(Counter(one.drop.kind for one in ground.uploaded))}")
    ground.say(f"broke {dict(breaker.done)}; at storage {ground.faults.counts()}")
    ground.faults.follow(Plan())
    breaker.kill("host")


def _moments(breaker: Breaker, size: Size) -> Iterator[Callable[[], None]]:
    """The kills (the last one comes after the storm) and pauses, in random order."""
    kills = [breaker.chance.choice(TARGETS) for _ in range(size.kills - 1)]
    actions = [*(("kill", target) for target in kills), *([("pause", "")] * size.pauses)]
    breaker.chance.shuffle(actions)
    for what, target in actions:
        yield breaker.pause_azurite if what == "pause" else _kill(breaker, target)


def _kill(breaker: Breaker, target: str) -> Callable[[], None]:
    return lambda: breaker.kill(target)


def settle(ground: Ground, deadline: float) -> list[str]:
    """Ask until everything is done; what is left of the batches is asked for by a person. The last model waits for one."""
    leave = ground.names[-1]
    asked: set[str] = set()
    waiting = list(ground.names)
    while time.monotonic() < deadline:
        with contextlib.suppress(Retryable):
            ground.decide(leave=leave)
            ground.score()
            quiet = [model for model in ground.names if ground.is_quiet(model)]
            used = [model for model in quiet if ground.is_used(model)]
            for model in set(quiet) - set(used) - asked:
                if ground.ask(f"/api/models/{model}/retrain"):
                    asked.add(model)
            waiting = sorted(set(ground.names) - set(used))
            if not waiting:
                return []
        time.sleep(0.5)
    return [f"{model} has not come to rest: {_where(ground, model)}" for model in waiting]


def _where(ground: Ground, model: str) -> str:
    seen = ground.book.read(model)
    states = {release.id: (release.state, release.why) for release in seen.releases.values()}
    commands = [(c.kind, c.release, c.tries, c.last_error[:100]) for c, _, _ in ground.book.commands(model)]
    head = seen.head
    files = (head.basket.first_file, head.next_file, head.building, head.early, head.wake_at) if head else ()
    return f"{states}; {len(seen.inbox)} in the inbox; commands {commands}; {files}"


def account(ground: Ground) -> list[str]:
    """All that is missing, doubled or unexplained."""
    found: list[str] = []
    every: list[Release] = []
    for model in ground.names:
        found += accounts.faults(ground.books, model, [one for one in ground.uploaded if one.drop.model == model])
        every += [*ground.book.ended(model, limit=500), *ground.book.read(model).releases.values()]
    ground.say(f"releases ended or wait: {dict(Counter(release.state for release in every))}")
    for (state, why), count in Counter((release.state, release.why) for release in every if release.why).items():
        ground.say(f"  {count} {state}: {why[:160]}")
    if not any(LIVE in (release.state, *(state for state, _ in release.past)) for release in every):
        found.append("no release went live, so the account says nothing of deployments and traffic")
    return found


def main(arguments: Sequence[str] = ()) -> int:
    """Run once with real parts and print what happened; 1 if the account does not hold."""
    wanted = argparse.ArgumentParser(prog="python -m tests.chaos.real", description=main.__doc__)
    usual = Size()
    wanted.add_argument("--seed", type=int, default=int(time.time()))
    for name in ("drops", "kills", "pauses", "models", "files_a_batch"):
        wanted.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(usual, name))
    wanted.add_argument("--storm-seconds", type=float, default=usual.storm_seconds)
    wanted.add_argument("--seconds", type=float, default=usual.seconds, help="of the whole run, at most")
    given = vars(wanted.parse_args(arguments))
    seed, began = given.pop("seed"), time.monotonic()
    print(f"chaos with real parts, seed {seed}: {Size(**given)}", flush=True)
    found = run(Size(**given), seed, lambda text: print(f"  {time.monotonic() - began:5.0f} s  {text}", flush=True))
    for fault in found:
        print(f"  WRONG: {fault}")
    print(
        f"{'the account holds' if not found else f'{len(found)} faults'}, {time.monotonic() - began:.0f} s, seed {seed}"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
