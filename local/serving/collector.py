"""The collector's process: `python -m local.serving.collector`, fed by the router on stdin (see `collect.py`).

Writes lines to segments, sends closed segments to storage (BATON_DATA; without it they stay), and prints a line of JSON
when its counts change: {"written", "dropped_disk", "uploaded_segments", "waiting_segments", "upload_fault"}. It ends
when the router closes stdin or dies; then nothing that arrived is lost.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import sys
from functools import partial
from pathlib import Path

from local.daemon import log_to_stderr
from local.serving.collect import read_frame
from local.serving.segments import Segments
from local.serving.upload import Uploader
from shared.storage.port import Blobs

NICENESS = 19  # requests come first


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m local.serving.collector", description=__doc__)
    options.add_argument("--folder", type=Path, required=True)
    options.add_argument("--segment-seconds", type=float, required=True)
    wanted = options.parse_args()
    log_to_stderr()
    os.nice(NICENESS)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with (wanted.folder / "collector.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the collector of a router that died may still be writing
        _collect(Segments(wanted.folder, seconds=wanted.segment_seconds), wanted.folder)


def _collect(segments: Segments, folder: Path) -> None:
    connection = os.environ.get("BATON_DATA", "")
    uploader = Uploader(folder, partial(_blobs, connection))
    segments.begin()
    if connection:
        uploader.start()
    told = ""
    while (batch := read_frame(sys.stdin.buffer)) is not None:
        segments.write(batch)
        segments.close()
        told = _tell({**segments.counts(), **uploader.counts()}, told)
    segments.close(all=True)
    if connection:
        uploader.close()


def _tell(counts: dict[str, object], before: str) -> str:
    now = json.dumps(counts)
    if now != before:
        print(now, flush=True)
    return now


def _blobs(connection: str) -> Blobs:
    from azure.storage.blob import BlobServiceClient

    from shared.storage.blobs import AzureBlobs

    service = BlobServiceClient.from_connection_string(connection, retry_total=0, connection_timeout=5, read_timeout=20)
    return AzureBlobs(service)


if __name__ == "__main__":
    main()
