"""The certifying step: the version on the really started server, measured and tried with good and bad requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from shared.errors import SpecRefused
from shared.runs.boundary import boundary, malformed, schema
from shared.runs.cases import Case, read_cases, try_cases
from shared.runs.examine import Bench, examine, not_examined
from shared.runs.interpreters import others
from shared.runs.invariances import Invariance, read_invariances, try_invariances
from shared.runs.latency import measure, overload, service_seconds
from shared.runs.model_files import model_files
from shared.runs.provenance import licences, made_from, of_certificate, sbom
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


def certify(
    run: RunDir,
    spec: Spec,
    holdout: Sequence[Mapping[str, object]] | None = None,
    trained: Sequence[Mapping[str, object]] | None = None,
    *,
    pythons: Mapping[str, str],
    environment: Mapping[str, str],
) -> dict[str, object]:
    """Measure the candidate; return the certificate document, as `shared/certificates/certificate.py` reads it.

    {"v", "version", "folder", "model_sha256", "size_mb", "provenance", "licences", "attachments", "schema", "cases":
    {"passed", "failed"}, "malformed": {name: status}, "refusals", "boundary" and "invariances" each with "broken",
    "start_seconds", "latency_ms": {"p50", "p95", "p99", "requests", ...}, "overload", "memory_mb", "checks": {name: what it gave}}. A
    server that does not start gives a certificate with "error" and without the measured parts: the gates hold on it, the run
    completes. `holdout` are the rows that declared checks are given, and `trained` those that trainings of
    the dataset version see: they are given if this version was made from it.
    """
    scorer = Scorer(run.input("candidate"), run.input("folder"), pythons["serving"])
    about = _about(run, scorer, environment)
    with started(scorer, scratch=run.scratch, environment=environment) as server:
        try:
            measured = _measured(server, spec, scorer)
        except ServerFailed as error:
            print("\n".join(server.log_lines()[-40:]), flush=True)  # noqa: T201 - the run's log is what it prints
            checks = not_examined(spec, "the server did not start")
            return about | {"error": error.what, "next": error.next} | ({"checks": checks} if checks else {})
        return _with_checks(
            {**about, **measured}, run, spec, _bench(run, server, scorer, holdout, trained, pythons, environment)
        )


def _about(run: RunDir, scorer: Scorer, environment: Mapping[str, str]) -> dict[str, object]:
    """What the certificate says of the version before its server is started."""
    files = model_files(scorer.model)
    about: dict[str, object] = {
        "v": 2,
        "version": run.version("candidate"),
        "folder": run.request.folder,
        "model_sha256": files.sha256,
        "size_mb": files.bytes / 1e6,
        "provenance": of_certificate(files, scorer.model, python=scorer.python, environment=environment),
    }
    bill = sbom(scorer.python)
    return about if bill is None else about | {"licences": licences(bill), "attachments": {"sbom": bill}}


def _bench(
    run: RunDir,
    server: Server,
    scorer: Scorer,
    holdout: Sequence[Mapping[str, object]] | None,
    trained: Sequence[Mapping[str, object]] | None,
    pythons: Mapping[str, str],
    environment: Mapping[str, str],
) -> Bench | None:
    """What the declared checks are given; None without rows."""
    if holdout is None:
        return None
    champion = None
    if run.has("champion"):
        folder = "champion_folder" if run.has("champion_folder") else "folder"
        champion = Scorer(run.input("champion"), run.input(folder), pythons[folder])
    return Bench(
        url=server.url,
        scorer=scorer,
        champion=champion,
        rows=holdout,
        python=pythons.get("checks", pythons["folder"]),
        scratch=run.scratch,
        environment=environment,
        trained=trained if made_from(scorer.model) == run.request.inputs.get("data") else None,
        others=others(pythons),
    )


def _with_checks(certificate: dict[str, object], run: RunDir, spec: Spec, bench: Bench | None) -> dict[str, object]:
    """The certificate with what the declared checks gave, if there are any."""
    if not spec.gates.certificate.checks:
        return certificate
    if bench is None:
        return certificate | {"checks": not_examined(spec, "the run was given no dataset version")}
    found, attached = examine(spec, bench)
    attachments = certificate.get("attachments")
    kept = attachments if isinstance(attachments, Mapping) else {}
    return certificate | {"checks": found, "attachments": {**kept, **attached}}


def _measured(server: Server, spec: Spec, scorer: Scorer) -> dict[str, object]:
    limits = spec.gates.certificate
    cases, unreadable = _owners(read_cases, scorer)
    good = [case.body for case in cases if case.status == 200]
    start_seconds = _start(server, good, max_seconds=limits.start_seconds * BEYOND)
    passed, failed = try_cases(cases, server.score)
    answers: dict[str, object] = {
        "start_seconds": round(start_seconds, 3),
        "schema": schema(cases),
        "cases": {"passed": passed, "failed": unreadable + failed},
        "invariances": _invariances(server, scorer, good),
        **_refusals(server),
        "boundary": boundary(cases, server.score, spec.gates.compare.classes),
    }
    service = service_seconds(good, server.score) if good else 0.0
    latency = measure(good, server.score, limits.load, service=service)
    past = overload(good, server.score, service=service)
    return {**answers, "latency_ms": latency, "overload": past, "memory_mb": server.memory_mb()}


Declared = TypeVar("Declared", Case, Invariance)


def _owners(read: Callable[[Path], list[Declared]], scorer: Scorer) -> tuple[list[Declared], list[str]]:
    """What the folder declares; or nothing, and what cannot be read."""
    try:
        return read(scorer.folder), []
    except SpecRefused as error:
        return [], [error.what]


def _invariances(server: Server, scorer: Scorer, good: list[bytes]) -> dict[str, object]:
    declared, unreadable = _owners(read_invariances, scorer)
    return (
        {"declared": 0, "tried": 0, "broken": unreadable}
        if unreadable
        else try_invariances(declared, good, server.score)
    )


def _refusals(server: Server) -> dict[str, object]:
    statuses, unclear = malformed(server.score, MALFORMED)
    return {"malformed": statuses, "refusals": {"broken": unclear}}


def _start(server: Server, good: list[bytes], *, max_seconds: float) -> float:
    began = time.perf_counter()
    server.until_healthy(max_seconds=max_seconds)
    for body in good[:1]:
        server.score(body)
    return time.perf_counter() - began
