"""`host.json`: defaults as documented by Azure, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.host.host_json import AppRefused, QueueSettings, read_host_json


def read(folder: Path, document: object) -> object:
    (folder / "host.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return read_host_json(folder)


def test_a_bare_file_means_azures_defaults(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    settings = read_host_json(tmp_path)
    queues = settings.queues
    assert (settings.route_prefix, settings.function_timeout_seconds) == ("api", 1800)
    assert (queues.batch_size, queues.max_dequeue_count, queues.visibility_seconds) == (16, 5, 0)
    assert (queues.max_polling_seconds, queues.base64, queues.lease_seconds) == (60, True, 600)


def test_all_queue_settings_are_read(tmp_path: Path) -> None:
    queues = {
        "batchSize": 8,
        "newBatchThreshold": 4,
        "maxDequeueCount": 7,
        "visibilityTimeout": "00:00:30",
        "maxPollingInterval": "00:00:02",
        "messageEncoding": "none",
    }
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0", "extensions": {"queues": queues}}))
    assert read_host_json(tmp_path).queues == QueueSettings(8, 4, 2, 7, 30, base64=False)


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        {"functionTimeout": "ten minutes"},
        {"extensions": []},
        {"extensions": {"queues": {"batchSize": 33}}},
        {"extensions": {"queues": {"maxDequeueCount": 0}}},
        {"extensions": {"queues": {"visibilityTimeout": 30}}},
    ],
)
def test_values_of_the_wrong_form_are_refused(tmp_path: Path, document: object) -> None:
    with pytest.raises(AppRefused, match=r"host\.json is not valid"):
        read(tmp_path, document)
