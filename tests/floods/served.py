"""The app that floods are driven through: the real chain and storage, and an ML platform in memory at its port.

Every check says yes at once, every run ends at once, and each model's endpoint serves two deployments, the second with
all the traffic. So what is measured is Baton and its storage, nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from shared import events, names, wiring
from shared.journaling.segments import Sizes
from shared.platforms.port import DeployRequest, EndpointSeen, RunRequest, VersionSeen
from shared.settings import Settings
from shared.storage.port import Bells
from shared.wiring import SIZES, App
from tests.fakes.platform import FakeEndpoints, FakeRegistry, FakeTrainer
from tests.floods.counting import CallCounter
from tests.world import CERTIFIED, TRAINED, check, evidence

HELD = evidence(9_999.0)  # beyond the floor of every model here: a release ends after its judge run
NEVER_CLOSED = Sizes(lines=10**9)  # for journals that are not whole
ENVIRONMENT = {
    "BATON_APPROVAL_KEY": "a key for tests, 24 long",
    "BATON_SIGNING_KEY": "00" * 32,
    "BATON_URL": "http://127.0.0.1:1",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:2",
    "BATON_ROUTER": "http://127.0.0.1:3",
    "BATON_ROUTER_KEY": "k",
    "BATON_SWEEP": "*/5 * * * * *",
    "PYTHON_THREADPOOL_THREAD_COUNT": "32",
}


class ServingEndpoints(FakeEndpoints):
    """Each endpoint that is looked at serves `<model>-0001` and `<model>-0002`, the second with all the traffic."""

    def look(self, model: str) -> EndpointSeen | None:
        if model not in self._endpoints:
            for number in (1, 2):
                self.deploy(DeployRequest(model, f"{model}-{number:04d}", str(number), "folder"))
            super().set_traffic(model, {f"{model}-0002": 100}, expected={})
        return super().look(model)


class ServedRegistry(FakeRegistry):
    """Holds the two versions that each endpoint serves, so that nobody is told of a champion in doubt."""

    def version(self, model: str, version: str) -> VersionSeen | None:
        while len(self.versions(model)) < 2:
            self.register_by_hand(model, tags={}, files={})
        return super().version(model, version)


class AnnouncingTrainer(FakeTrainer):
    """Runs end at once, and their event comes as the workspace would send it."""

    app: App

    def start(self, request: RunRequest) -> None:
        super().start(request)
        event = events.RunChanged(
            id=names.identity_key("run", request.run_id, "completed"),
            at=wiring.now(),
            run_id=request.run_id,
            status="completed",
        )
        self.app.intake.accept(request.model, event)


def served(
    env: Mapping[str, str], counter: CallCounter | None = None, bells: Bells | None = None, sizes: Sizes = SIZES
) -> App:
    """An app over the storage of BATON_DATA; `counter` counts its calls, `bells` take the place of its queues."""
    settings = Settings.from_env({**ENVIRONMENT, **env})
    table, queues, blobs = wiring.storage(settings.data, **({"transport": counter} if counter else {}))
    trainer = AnnouncingTrainer({"train": TRAINED, "judge": HELD, "certify": CERTIFIED})
    app = wiring.assemble(
        settings,
        table,
        bells or queues,
        blobs,
        trainer,
        ServedRegistry(),
        ServingEndpoints(),
        clock=wiring.now,
        sizes=sizes,
        check=check,
    )
    trainer.app = app
    return app


def from_environment(counter: CallCounter) -> App:
    """The same, as the host's process describes it."""
    return served(os.environ, counter)
