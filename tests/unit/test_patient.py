"""A model's folder without its limits of time is still one that Baton takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shared.model_yaml.spec_file import load_spec
from tests.conftest import PROJECT
from tests.patient import LONGEST_LOAD, without_haste

MODELS = sorted(path.name for path in (PROJECT / "models").iterdir() if (path / "model.yaml").is_file())


@pytest.mark.parametrize("model", MODELS)
def test_only_limits_of_time_are_others_in_the_copy(model: str, tmp_path: Path) -> None:
    folder = PROJECT / "models" / model
    hasty, unhurried = (load_spec((at / "model.yaml").read_text()) for at in (folder, without_haste(folder, tmp_path)))
    limits = unhurried.gates.certificate
    assert limits.load.max_seconds == LONGEST_LOAD > hasty.gates.certificate.load.max_seconds
    certificate = replace(
        limits,
        load=hasty.gates.certificate.load,
        p95_ms=hasty.gates.certificate.p95_ms,
        start_seconds=hasty.gates.certificate.start_seconds,
    )
    rest = replace(
        unhurried,
        gates=replace(unhurried.gates, certificate=certificate),
        train=replace(unhurried.train, max_minutes=hasty.train.max_minutes),
        rollout=replace(unhurried.rollout, deadline_minutes=hasty.rollout.deadline_minutes),
    )
    assert rest == hasty
