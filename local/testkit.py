"""A test kit for any Python function app with Event Grid triggers: real storage, real deliveries, faults on request.

Azurite behind the blob front (which raises the BlobCreated events), the Event Grid emulator with the app's own
subscriptions, the functions host with the app's own function_app.py, and a fault proxy before all of
storage; on 127.0.0.1, on free ports. Nothing of it knows Baton. See docs/testkit.md.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local import processes
from local.azurite import ACCOUNT
from local.daemon import LOCALHOST, DaemonFailed, free_port, home_folder
from local.faultswitch import Faults

DELIVERED_AGAIN_FASTER = 100
"""Event Grid's pauses of 10 s, 30 s, 1 min, ... divided by this."""
START_SECONDS = 180.0
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Kit:
    """What a test needs of the running parts.

    `storage` is a connection string, `topics` the URL of each topic with `topic_key` as its aeg-sas-key, `host` the
    functions host's URL, `faults` the switch of the fault proxy, `logs` a folder with each part's log.
    """

    storage: str
    topics: Mapping[str, str]
    topic_key: str
    host: str
    faults: Faults
    logs: Path

    def until(self, asked: Callable[[], Answer | None], *, timeout_seconds: float = 60.0) -> Answer:
        """Ask until the answer says something, and return it; `DaemonFailed` names the logs when the time is over."""
        deadline = time.monotonic() + timeout_seconds
        while not (answer := asked()):
            if time.monotonic() > deadline:
                raise DaemonFailed(f"no answer within {timeout_seconds:g} s.", next=f"read {self.logs}/host.log")
            time.sleep(0.1)
        return answer


@contextlib.contextmanager
def function_app(
    app: Path,
    place: Path,
    *,
    subscriptions: Path | None = None,
    storage_setting: str = "AzureWebJobsStorage",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Kit]:
    """Run a function app with all that it needs while the block runs; its state and logs go to the folder `place`.

    `app` is the folder of function_app.py and host.json; `subscriptions` is a file as in docs/testkit.md, else the
    app's own subscriptions.json. The app finds its storage in the setting `storage_setting`; `settings` are any others.
    """
    with contextlib.ExitStack() as stack:
        parts = _Parts(place, stack, {"BATON_HOME": str(place), "BATON_TOPIC_KEY": secrets.token_hex(16)})
        azurite = parts.start("azurite", "--home", str(home_folder().resolve()), "--in-memory")
        host, front = f"http://{LOCALHOST}:{free_port()}", f"http://{LOCALHOST}:{free_port()}"
        before = ["--queue", azurite["queue_url"], "--table", azurite["table_url"]]
        proxy = parts.start("faults", "--blob", f"{front}/{ACCOUNT}", *before)
        faults = Faults(**{name: proxy[name] for name in ("blob_url", "queue_url", "table_url", "url")})
        grid = parts.start(
            "eventgrid",
            *("--subscriptions", str(subscriptions or app / "subscriptions.json"), "--host", host),
            *("--compress", str(DELIVERED_AGAIN_FASTER), "--state", str(place / "eventgrid")),
        )
        topics: Mapping[str, str] = grid["topics"]
        parts.start(
            "blobfront", "--upstream", azurite["blob_url"], "--topic", topics["storage"], "--port", _port(front)
        )
        parts.env |= {storage_setting: faults.connection_string(), **(settings or {})}
        parts.start("host", "--app", str(app.resolve()), "--port", _port(host), "--state", str(place / "host"))
        yield Kit(faults.connection_string(), topics, parts.env["BATON_TOPIC_KEY"], host, faults, logs=place / "logs")


@pytest.fixture
def start_kit(tmp_path: Path) -> Iterator[Callable[..., Kit]]:
    """Start a function app, `start_kit(folder, storage_setting="STORAGE")`; arguments as of `function_app`. It ends with the test."""
    numbers = itertools.count(1)
    with contextlib.ExitStack() as stack:
        yield lambda app, **options: stack.enter_context(
            function_app(app, tmp_path / f"kit-{next(numbers)}", **options)
        )


@dataclass
class _Parts:
    """The laptop's daemons, started one after the other and ended in reverse."""

    place: Path
    stack: contextlib.ExitStack
    env: dict[str, str]

    def start(self, name: str, *words: str) -> Mapping[str, Any]:
        """Start `python -m local.<name>`; what its ready line says."""
        log = self.place / "logs" / f"{name}.log"
        daemon = processes.start(name, [f"local.{name}", *words], self.env, log, within_seconds=START_SECONDS)
        self.stack.callback(daemon.stop)
        return daemon.ready


def _port(url: str) -> str:
    return url.rsplit(":", 1)[1]
