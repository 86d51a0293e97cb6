"""A functions host over Azurite that serves tests/floods/app, and what floods it: many files, events and people at once."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from azure.storage.blob import BlobServiceClient

from local import processes
from local.daemon import wait_until
from shared import events, names, state, wire, wiring
from shared.journaling import journal
from shared.settings import LOCAL_STORAGE, LOCAL_WORKSPACE
from shared.state import Champion, Head
from shared.storage.port import Put
from shared.table.rows import HEAD
from shared.wiring import App
from tests.floods.counting import CallCounter
from tests.floods.served import ENVIRONMENT, served
from tests.world import CASES, spec_text

APP = Path(__file__).parent / "app"
A_DELIVERY = 25
ASKED_AT_MOST = 10
Line = dict[str, Any]


@dataclass
class Rig:
    """One running host, and an app of this process over the same storage to ask and to prepare with."""

    env: dict[str, str]
    app: App
    home: Path
    daemon: processes.Daemon | None = None
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))

    # The host

    def start(self) -> None:
        """Start the host's process and wait until it serves."""
        words = ["local.host", "--app", str(APP), "--port", "0", "--state", str(self.home / "state")]
        self.daemon = processes.start("host", words, self.env, self.home / "host.log")

    def stop(self) -> None:
        """Ask the host to end."""
        if self.daemon is not None:
            self.daemon.stop()

    def counts(self) -> dict[str, int]:
        """The storage calls of the host's app, by kind; after it was stopped."""
        found: dict[str, int] = json.loads(Path(self.env["FLOOD_COUNTS"]).read_text())
        return found

    @property
    def url(self) -> str:
        """Where the host answers."""
        assert self.daemon is not None
        return str(self.daemon.ready["url"])

    def deliver(self, function: str, bodies: Sequence[Line]) -> None:
        """Deliver events as Event Grid does, batched; raises unless all are taken."""
        url = f"{self.url}/runtime/webhooks/EventGrid?functionName={function}"
        for first in range(0, len(bodies), A_DELIVERY):
            answer = self.client.post(
                url, json=list(bodies[first : first + A_DELIVERY]), headers={"aeg-event-type": "Notification"}
            )
            answer.raise_for_status()

    def ask(self, model: str, action: str) -> None:
        """What a person asks of the pages' API, and again where it answers 503: storage had no time for it."""
        for _ in range(ASKED_AT_MOST):
            answer = self.client.post(
                f"{self.url}/api/models/{model}/{action}",
                json={"why": "because"},
                headers={"Authorization": "Bearer the-token"},
            )
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
        answer.raise_for_status()

    # What floods it

    def publish(self, model: str, **rules: Any) -> None:
        """Publish a model with these rules; returns when it is one. Its second version serves, its first is kept warm."""
        text = spec_text(model, **rules)
        folder = names.digest(text)[:16]
        for name, content in (("model.yaml", text), ("contract.yaml", "{}"), ("tests/cases.json", CASES)):
            self.app.blobs.put("models", f"{model}/{folder}/{name}", content.encode(), content_type="text/plain")
        self.app.book.list_model(model)
        event = events.ModelPublished(
            id=names.identity_key("publish", model, folder), at=wiring.now(), by="author", folder=folder
        )
        self.app.book.record(model, event)
        self.app.fold.advance(model)
        self._serve(model, folder)

    def _serve(self, model: str, folder: str) -> None:
        head = self.app.book.head(model)
        assert head is not None
        now = wiring.now()
        first, second = (Champion(str(n), f"{model}-{n:04d}", f"{model}-{n:04d}", folder, now) for n in (1, 2))
        head = replace(head, champion=second, previous=first, next_release=3)
        self.app.book.commit(model, [Put(HEAD, state.dumps(head))])

    def upload(self, model: str, count: int) -> list[Line]:
        """Write so many files, each with bytes of its own; returns their BlobCreated events, not yet delivered."""
        container = BlobServiceClient.from_connection_string(self.env["BATON_DATA"]).get_container_client("incoming")

        def one(number: int) -> Line:
            blob, content = f"{model}/{uuid.uuid4().hex}.csv", f"{model} row {number}".encode()
            etag = container.upload_blob(blob, content).get_blob_properties().etag.strip('"')
            return blob_created(blob, etag, len(content))

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, range(count)))

    # What there is to see

    def head(self, model: str) -> Head:
        """The model's head."""
        head = self.app.book.head(model)
        assert head is not None
        return head

    def lines(self, model: str) -> list[Line]:
        """The model's whole journal."""
        return [dict(journal.read(line)) for line in self.app.book.journal(model, limit=1_000_000)]

    def is_quiet(self, model: str) -> bool:
        """Whether nothing waits: no event, no command, no moment at which the basket is looked at again."""
        seen = self.app.book.read(model)
        return (
            seen.head is not None
            and not seen.inbox
            and not seen.head.outstanding
            and seen.head.basket.look_at is None
            and not seen.head.building
        )

    def until(self, done: Callable[[], bool], what: str, *, seconds: float = 120.0) -> None:
        """Ask until it is so."""
        wait_until(done, timeout_seconds=seconds, what=f"{what}; {self.home / 'host.log'}")


@contextmanager
def rig(connection: str, home: Path, **env: str) -> Iterator[Rig]:
    """A rig whose host runs while the block does."""
    home.mkdir(parents=True, exist_ok=True)
    users, counts = home / "users.json", home / "counts.json"
    users.write_text(json.dumps({"the-token": "operations"}))
    wiring.create_storage(connection)
    mine = {"BATON_DATA": connection, "BATON_HOME": str(home), "BATON_USERS": str(users), "FLOOD_COUNTS": str(counts)}
    settings = {**ENVIRONMENT, **mine, **env}
    made = Rig(settings, served(settings, CallCounter()), home)  # over a transport without time-outs
    made.start()
    try:
        yield made
    finally:
        made.stop()
        made.client.close()


def blob_created(blob: str, etag: str, size: int) -> Line:
    """The event of one writing of a blob, as Event Grid sends it."""
    url = f"http://127.0.0.1/devstoreaccount1/incoming/{blob}"
    data = {"api": "PutBlob", "eTag": etag, "contentLength": size, "url": url}
    subject = f"/blobServices/default/containers/incoming/blobs/{blob}"
    return _event(LOCAL_STORAGE, subject, "Microsoft.Storage.BlobCreated", data)


def model_deployed(model: str) -> Line:
    """The event of a deployment by hand: Baton then asks the endpoint what serves, one command with one outcome."""
    data = {"serviceName": model, "serviceComputeType": "ACI", "modelIds": f"{model}:2"}
    return _event(LOCAL_WORKSPACE, f"endpoints/{model}", "Microsoft.MachineLearningServices.ModelDeployed", data)


def _event(topic: str, subject: str, kind: str, data: Line) -> Line:
    return {
        "id": uuid.uuid4().hex,
        "topic": topic,
        "subject": subject,
        "eventType": kind,
        "eventTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "data": data,
        "dataVersion": "1",
        "metadataVersion": "1",
    }


def moment(line: Line) -> float:
    """When a line was decided, in seconds since the epoch."""
    return datetime.fromisoformat(line["at"]).timestamp()


def settled(rigged: Rig, models: Sequence[str], *, seconds: float = 120.0) -> float:
    """Wait until nothing waits for any of the models; returns the moment."""
    rigged.until(lambda: all(rigged.is_quiet(model) for model in models), "it never becomes quiet", seconds=seconds)
    return time.time()


def delivered(event: Line) -> wire.Delivered:
    """An event as its trigger hands it on."""
    time = datetime.fromisoformat(event["eventTime"])
    return wire.Delivered(event["id"], event["topic"], event["subject"], event["eventType"], time, event["data"])
