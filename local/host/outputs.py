"""Output bindings: what a function set or returned is sent when it has succeeded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from azure.core.exceptions import AzureError
from azure.functions.meta import Datum
from azure.storage.queue.aio import QueueServiceClient

from local.host.app_settings import connection_string, resolve
from local.host.index import Binding, LoadedFunction
from local.host.invoke import Outcome
from local.host.messages import StorageQueue, queue_service, raw_of


class Accounts:
    """The queue services of the storage accounts that bindings name, one client per connection."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._services: dict[str, QueueServiceClient] = {}

    def service(self, binding: Binding) -> QueueServiceClient:
        """The queue service behind a binding's connection."""
        connection = connection_string(binding.text("connection"), self._environment)
        if connection not in self._services:
            self._services[connection] = queue_service(connection)
        return self._services[connection]

    def queue(self, binding: Binding) -> StorageQueue:
        """The queue that a binding names."""
        name = resolve(binding.text("queueName"), self._environment)
        return StorageQueue(self.service(binding).get_queue_client(name))

    async def close(self) -> None:
        """Close all connections."""
        for service in self._services.values():
            await service.close()


class OutputSender:
    """Sends `queue` outputs; `on_sent` hears the queue's name."""

    def __init__(self, accounts: Accounts, *, is_base64: bool, on_sent: Callable[[str], None]) -> None:
        self._accounts, self._is_base64, self._on_sent = accounts, is_base64, on_sent

    async def send(self, function: LoadedFunction, outcome: Outcome) -> Outcome:
        """Send all outputs of a success; if that fails, the invocation has failed, its effects stay."""
        if not outcome.ok:
            return outcome
        try:
            for binding, datum in _to_queues(function, outcome):
                await self._enqueue(binding, datum)
        except AzureError as fault:
            return Outcome(error=fault)
        return outcome

    async def _enqueue(self, binding: Binding, datum: Datum) -> None:
        queue = self._accounts.queue(binding)
        for content in contents(datum):
            await queue.send(raw_of(content, is_base64=self._is_base64))
        self._on_sent(queue.name)


def contents(datum: Datum) -> list[str | bytes]:
    """The messages in an output value: a JSON list is one message each, other than text as JSON.

    >>> contents(Datum('["a", {"n": 1}]', "json")), contents(Datum("a", "string"))
    (['a', '{"n": 1}'], ['a'])
    """
    if datum.type != "json":
        return [datum.value]
    document = json.loads(datum.value)
    items = document if isinstance(document, list) else [document]
    return [item if isinstance(item, str) else json.dumps(item) for item in items]


def _to_queues(function: LoadedFunction, outcome: Outcome) -> list[tuple[Binding, Datum]]:
    named = [(b, outcome.outputs[b.name]) for b in function.outputs if b.type == "queue" and b.name in outcome.outputs]
    returns = function.returns
    if returns is None or returns.type != "queue" or outcome.returned is None:
        return named
    return [*named, (returns, outcome.returned)]
