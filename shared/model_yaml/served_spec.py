"""What model.yaml asks to be kept on the version that serves, besides its monitor: frozen values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchScoring:
    """The batch endpoint that Baton keeps on Azure ML (SDK v2): so many `files` a worker is handed at once; 0: there is none.

    Its jobs go on the cluster `compute` ("": the one of the runs), on so many `instances`. A hand of files that is not scored within
    `max_minutes` is tried again, twice. A job ends once more than `bad_files` files could not be read; -1: never.
    """

    files: int = 0
    compute: str = ""
    instances: int = 1
    max_minutes: float = 10.0
    bad_files: int = 0
