"""The certifying step: the version on the really started server, measured and tried with good and bad requests."""

from __future__ import annotations

import time
from collections.abc import Mapping

from shared.errors import SpecRefused
from shared.runs.cases import Case, read_cases, try_cases
from shared.runs.latency import measure
from shared.runs.model_files import model_files
from shared.runs.run_dir import RunDir
from shared.runs.scoring import Scorer
from shared.runs.server import Server, ServerFailed, started
from shared.spec import Spec

MALFORMED: Mapping[str, bytes] = {
    "empty": b"",
    "not json": b'{"data": [',
    "no data": b"{}",
    "data is text": b'{"data": "rows"}',
    "a row is a number": b'{"data": [1]}',
    "not utf-8": b'{"data": "\xff"}',
}
BEYOND = 1.5  # times the limit: how long a start may take before it is given up, so that a slow one is still measured


def certify(run: RunDir, spec: Spec, *, python: str, environment: Mapping[str, str]) -> dict[str, object]:
    """Measure the candidate; return the certificate document, as `shared/certificate.py` reads it.

    {"v", "version", "folder", "model_sha256", "size_mb", "cases": {"passed", "failed"}, "malformed": {name: status},
    "start_seconds", "latency_ms": {"p50", "p95", "requests", ...}, "memory_mb"}. A server that does not start gives a
    certificate with "error" and without the measured parts: the gates hold on it, the run completes.
    """
    scorer = Scorer(run.input("candidate"), run.input("folder"), python)
    files = model_files(scorer.model)
    about = {
        "v": 1,
        "version": run.version("candidate"),
        "folder": run.request.folder,
        "model_sha256": files.sha256,
        "size_mb": files.bytes / 1e6,
    }
    with started(scorer, scratch=run.scratch, environment=environment) as server:
        try:
            return about | _measured(server, spec, scorer)
        except ServerFailed as error:
            print("\n".join(server.log_lines()[-40:]), flush=True)  # noqa: T201 - the run's log is what it prints
            return about | {"error": error.what, "next": error.next}


def _measured(server: Server, spec: Spec, scorer: Scorer) -> dict[str, object]:
    cases, unreadable = _cases(scorer)
    good = [case.body for case in cases if case.status == 200]
    start_seconds = _start(server, good, max_seconds=spec.gates.certificate.start_seconds * BEYOND)
    passed, failed = try_cases(cases, server.score)
    return {
        "start_seconds": round(start_seconds, 3),
        "cases": {"passed": passed, "failed": unreadable + failed},
        "malformed": {name: server.score(body).status for name, body in MALFORMED.items()},
        "latency_ms": measure(good, server.score),
        "memory_mb": server.memory_mb(),
    }


def _cases(scorer: Scorer) -> tuple[list[Case], list[str]]:
    try:
        return read_cases(scorer.folder), []
    except SpecRefused as error:
        return [], [error.what]


def _start(server: Server, good: list[bytes], *, max_seconds: float) -> float:
    began = time.perf_counter()
    server.until_healthy(max_seconds=max_seconds)
    for body in good[:1]:
        server.score(body)
    return time.perf_counter() - began
