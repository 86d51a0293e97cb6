"""Doorbells on Azure queues: base64 as the Functions host wants it, and never expiring."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from azure.storage.queue import QueueClient

from shared.storage.clients import UNANSWERED, said
from shared.storage.port import StorageBusy

FOR_EVER = -1
LONGEST = timedelta(days=6)


class AzureBells:
    """`Bells` over one client a queue; the clients come from one factory, so that all encode alike."""

    def __init__(self, clients: Mapping[str, QueueClient]) -> None:
        self._clients = clients

    def ring(self, queue: str, model: str, *, after: timedelta = timedelta(0)) -> None:
        seconds = int(min(after, LONGEST).total_seconds())
        try:
            self._clients[queue].send_message(model, visibility_timeout=seconds, time_to_live=FOR_EVER)
        except UNANSWERED as error:
            raise StorageBusy(f"queue {queue}: {said(error)}", next="this is tried again by itself") from error
