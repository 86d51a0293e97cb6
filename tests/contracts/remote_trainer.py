"""A trainer on a service elsewhere, as the trainers' suite asks for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from shared.platforms.port import RunRequest
from shared.platforms.remote_runs import RemoteRuns
from tests.contracts.interruption import Interrupted
from tests.contracts.test_trainer_contract import Behaviour


class RemoteTrainerBench(ABC):
    """The fake service, the trainer over it, and callers that die."""

    fake: Any
    trainer: RemoteRuns

    def request(self, run_id: str, behaviour: Behaviour) -> RunRequest:
        parameters, tags = {"behaviour": behaviour}, {"baton.model": "pulse"}
        return RunRequest(run_id, "pulse", "train", folder="", parameters=parameters, tags=tags)

    def begun(self, run_id: str) -> int:
        return int(self.fake.begun.count(run_id))

    @abstractmethod
    def processes(self, run_id: str) -> int:
        """How many processes the run has now."""

    def caller(self) -> RemoteRuns:
        """The trainer of a process that is to die."""
        return self.trainer

    @abstractmethod
    def dying_at(self, number: int) -> Any:
        """A workspace whose caller is `Interrupted` before its request of this number, counted from 1."""

    def killed_callers(self) -> list[str]:
        """Callers that die before each request to the service in turn: the SDK asks for a token before every one."""
        ids = []
        for number in count(1):
            request = self.request(f"pulse-0001-t-{number}", "succeeds")
            ids.append(request.run_id)
            try:
                self.caller()._start(request, self.dying_at(number))
            except Interrupted:
                continue
            return ids
        raise AssertionError("unreachable")

    def racing_callers(self) -> str:
        request = self.request("pulse-0002-t-1", "lasts")
        with ThreadPoolExecutor(8) as callers:
            list(callers.map(self.trainer.start, [request] * 8))
        return request.run_id
