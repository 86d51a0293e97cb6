"""The gates read out: every gate that is asked has its sentence, and every limit of the spec stands in one."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.certificates.certificate import certify
from shared.gates import judge
from shared.gating.gate_words import candidate_sentences, certificate_sentences, production_sentences
from shared.model_yaml.spec_file import load_folder
from shared.spec import Approval, CertificateLimits, Rollout

SPEC = load_folder(Path(__file__).parents[2] / "models" / "diabetes")
LIMITS = CertificateLimits(p95_ms=431, start_seconds=57, size_mb=33, p99_ms=877, memory_mb=222)
ODD = replace(
    SPEC,
    gates=replace(SPEC.gates, floor=4321.5, minimum_gain=12.25, confidence=0.975, min_rows=77, certificate=LIMITS),
    approval=Approval(("risk",), expires_hours=31),
    rollout=Rollout((7, 100), bake_seconds=19, min_requests=23, max_error_percent=1.5),
)
TOLD = " ".join(
    sentence
    for part in (candidate_sentences(ODD.gates), certificate_sentences(LIMITS), production_sentences(ODD))
    for _, sentence in part
)


@pytest.mark.parametrize(
    "limit",
    [
        "4321.5",
        "12.25",
        "97.5",
        "77",
        "431",
        "57",
        "33",
        "877",
        "222",
        "risk",
        "31",
        "7,",
        "19",
        "23",
        "1.5",
        "mse",
        "lower",
    ],
)
def test_every_limit_is_read_out(limit: str) -> None:
    assert f" {limit}" in TOLD.replace("(", " ")


def test_each_gate_that_is_asked_has_a_sentence() -> None:
    asked = [result.gate for result in judge(ODD.gates, {}).results]
    certified = [result.gate for result in certify(LIMITS, {}).results]

    assert [gate for gate, _ in candidate_sentences(ODD.gates)] == asked
    assert [gate for gate, _ in certificate_sentences(LIMITS)] == certified
