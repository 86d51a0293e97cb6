"""Counts the calls to storage at the end of the pipeline of every SDK client, by kind: below Baton, above the wire."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from shared.storage.transport import PooledTransport

ROW = re.compile(r"\(PartitionKey=")


class CallCounter(PooledTransport):
    """The transport of the storage clients, which counts what it sends; what the SDK sends again counts again."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self.largest_page = 0

    def send(self, request: Any, **options: Any) -> Any:
        kind = kind_of(request.method, request.url)
        with self._lock:
            self._counts[kind] += 1
            asked = re.search(r"(?:%24|\$)top=(\d+)", request.url)
            self.largest_page = max(self.largest_page, int(asked[1]) if asked else 0)
        return super().send(request, **options)

    def taken(self) -> dict[str, int]:
        """What was counted since the last time."""
        with self._lock:
            found = dict(self._counts)
            self._counts.clear()
            return found

    def write(self, file: Path) -> None:
        """Leave the counts in a file, for another process."""
        file.write_text(json.dumps(self.taken()))


def kind_of(method: str, url: str) -> str:
    """Which operation a request is.

    >>> kind_of("POST", "http://127.0.0.1:1/devstoreaccount1/$batch")
    'table transaction'
    >>> kind_of("GET", "http://127.0.0.1:1/devstoreaccount1/ledger(PartitionKey='m',RowKey='a')")
    'table row'
    >>> kind_of("GET", "http://127.0.0.1:1/devstoreaccount1/ledger()?$filter=x")
    'table page'
    >>> kind_of("POST", "http://127.0.0.1:1/devstoreaccount1/advance/messages?messagettl=-1")
    'ring'
    """
    if "$batch" in url:
        return "table transaction"
    if ROW.search(url):
        return "table row"
    if "ledger()" in url:
        return "table page"
    if method == "POST" and "/messages" in url:
        return "ring"
    return f"blob {method.lower()}"
