"""What `gates` in model.yaml must be: each entry, entries together, and with the folder's contract."""

from __future__ import annotations

import math
import re

from shared.certificates.certificate import P95_NEEDS_REQUESTS, P99_NEEDS_REQUESTS
from shared.certificates.declared_checks import limit_of
from shared.gating.metric_facts import METRICS, OF_TWO, PER_UNIT, RANKED, best, facts, is_custom, worst
from shared.model_yaml.limits import AT_LEAST_0, MORE_THAN_0, NEVER, POSSIBLE, between, is_inside
from shared.model_yaml.yaml_record import RecordReader, Requirement
from shared.spec import CertificateLimits, Gates

GUARDS = ("latency", "size")
GUARD_WORDS = f"names of metrics, {' or '.join(GUARDS)}, each with how much worse it may be, more than 0"
CHECK = re.compile(r"[a-z][a-z0-9_]{0,29}")
ALL_CHECKS_SECONDS = 900
UNSEARCHED = (*PER_UNIT, *RANKED, "wape", "macro_recall", "calibration_error")


def _is_guard(guard: tuple[str, str]) -> bool:
    name, margin = guard
    if name not in (*GUARDS, *METRICS):
        return False
    try:
        return 0 < float(margin) < math.inf
    except ValueError:
        return False


GATE_REQUIREMENTS = {
    "gates.metric": Requirement(
        lambda metric: metric in METRICS or (is_custom(metric) and is_inside(metric)),
        f"one of {', '.join(METRICS)}, or a file of the folder, like profit.py",
    ),
    "gates.minimum_gain": AT_LEAST_0,
    "gates.confidence": Requirement(lambda value: 0.5 < value < 1, f"between 0.5 and 1, like 0.95{NEVER}"),
    "gates.min_rows": Requirement(between(2, 100_000), f"2 to 100000{NEVER}"),
    "gates.compare.block_days": AT_LEAST_0,
    "gates.compare.k": Requirement(between(1, 1000), "1 to 1000"),
    "gates.compare.classes": Requirement(
        lambda found: len(set(found)) == len(found) > 1, "two texts or more, each once"
    ),
    "gates.compare.threshold": Requirement(lambda value: 0 < value < 1, "between 0 and 1, like 0.5"),
    "gates.guards": Requirement(lambda found: all(map(_is_guard, found.items())), GUARD_WORDS),
    "gates.slices.margin": AT_LEAST_0,
    "gates.slices.min_rows": Requirement(between(30, 1_000_000), "30 or more: fewer show nothing"),
    "gates.slices.min_positives": Requirement(between(5, 1_000_000), "5 or more"),
    "gates.slices.depth": Requirement(between(0, 3), "0 to 3"),
    "gates.sanity.max_jump_percent": AT_LEAST_0,
    "gates.sanity.max_overlap_percent": Requirement(between(0, 100), "0 to 100"),
    "gates.holdout.error_budget": Requirement(lambda value: 0 <= value <= 0.5, "0 to 0.5, like 0.05"),
    "gates.certificate.p95_ms": POSSIBLE,
    "gates.certificate.start_seconds": POSSIBLE,
    "gates.certificate.size_mb": POSSIBLE,
    "gates.certificate.p99_ms": AT_LEAST_0,
    "gates.certificate.memory_mb": AT_LEAST_0,
    "gates.certificate.valid_days": MORE_THAN_0,
    "gates.certificate.load.requests": Requirement(between(59, 20_000), f"59 to 20000{NEVER}"),
    "gates.certificate.load.per_second": AT_LEAST_0,
    "gates.certificate.load.max_seconds": Requirement(between(1, 300), "1 to 300"),
}


def check_gates(gates: Gates, reader: RecordReader) -> None:
    """No error is below 0, no share above 1: what no candidate can reach holds all, what all reach holds none."""
    wanted = facts(gates.metric).better or gates.direction
    if gates.direction != wanted:
        reader.wrong("gates.direction", gates.direction, f'"{wanted}": {gates.metric} is better so')
    elif gates.direction == "lower" and gates.floor <= best(gates):
        reader.wrong("gates.floor", gates.floor, f"more than {best(gates):g}{NEVER}")
    elif gates.direction == "higher" and gates.floor >= best(gates):
        reader.wrong("gates.floor", gates.floor, f"less than {best(gates):g}{NEVER}")
    elif gates.minimum_gain >= abs(worst(gates) - best(gates)):
        reader.wrong("gates.minimum_gain", gates.minimum_gain, f"less than {abs(worst(gates) - best(gates)):g}{NEVER}")
    _check_load(gates.certificate, reader)
    _check_checks(gates.certificate, reader)


def _check_load(limits: CertificateLimits, reader: RecordReader) -> None:
    """A declared rate must leave time for as many requests as the limits need."""
    load, needed = limits.load, P99_NEEDS_REQUESTS if limits.p99_ms > 0 else P95_NEEDS_REQUESTS
    if load.requests < needed:
        reader.wrong("gates.certificate.load.requests", load.requests, f"{needed} or more{NEVER}")
    elif load.per_second > 0 and load.per_second * load.max_seconds < needed:
        right = f"{needed / load.max_seconds:.3g} or more, for {needed} requests in max_seconds{NEVER}"
        reader.wrong("gates.certificate.load.per_second", load.per_second, right)


def _check_checks(limits: CertificateLimits, reader: RecordReader) -> None:
    """Each has a name that may be a file's, a limit that can be read, and time; all together end within the run."""
    for name, check in limits.checks.items():
        path = f"gates.certificate.checks.{name}"
        if not CHECK.fullmatch(name):
            reader.wrong(path, name, "lower-case letters, digits and _, at most 30, a letter first")
        if not check.limits:
            reader.wrong(f"{path}.limits", {}, "one limit or more: a check without one decides nothing")
        for measure, words in check.limits.items():
            if limit_of(words) is None:
                reader.wrong(
                    f"{path}.limits.{measure}", words, '"at most NUMBER" or "at least NUMBER", like at most 0.1'
                )
    seconds = [check.max_seconds for check in limits.checks.values()]
    if seconds and not (min(seconds) > 0 and sum(seconds) <= ALL_CHECKS_SECONDS):
        right = f"max_seconds of more than 0, of all checks together at most {ALL_CHECKS_SECONDS} (each has 120 if it does not say)"
        reader.wrong("gates.certificate.checks", f"{sum(seconds):g} s", right)


def check_comparing(gates: Gates, reader: RecordReader) -> None:
    """Ranking needs a unit to rank within; what has no share in a row cannot be searched by rows."""
    if gates.metric in PER_UNIT and not gates.compare.unit:
        reader.wrong("gates.compare.unit", None, f"the column whose rows {gates.metric} ranks, like USER")
    if gates.metric in RANKED and gates.compare.unit:
        reader.wrong("gates.compare.unit", gates.compare.unit, f"left out: {gates.metric} compares independent rows")
    if gates.metric == "macro_recall" and not gates.compare.classes:
        reader.wrong("gates.compare.classes", None, 'the values of the target, like ["0", "1"]')
    if len(gates.compare.classes) > 2 and (named := sorted({gates.metric, *gates.guards} & {*OF_TWO})):
        right = f"two classes: {', '.join(named)} is about the probability of one of them"
        reader.wrong("gates.compare.classes", list(gates.compare.classes), right)
    if gates.slices.depth and gates.metric in UNSEARCHED:
        reader.wrong("gates.slices.depth", gates.slices.depth, f"0: no row has a share of its own in {gates.metric}")
    if gates.compare.block_days and not gates.compare.unit:
        reader.wrong("gates.compare.unit", None, "the column with the time that block_days cuts into blocks")
