"""`baton gates`: read out, and tried, without anything running."""

import shutil
from pathlib import Path

import pytest

from tests.integration.command_line import CommandLine

DIABETES = Path(__file__).resolve().parents[2] / "models" / "diabetes"


@pytest.fixture
def offline(tmp_path: Path) -> CommandLine:
    """A terminal where no Baton runs."""
    return CommandLine({"BATON_HOME": str(tmp_path / "state")})


def test_the_gates_of_a_folder_are_read_out(offline: CommandLine) -> None:
    ran = offline("gates", "explain", str(DIABETES))

    assert ran.code == 0
    assert "its mean squared error (mse, lower is better) is at most 5134.78" in ran.out
    assert (
        offline("gates", "explain", str(DIABETES), "--json")
        .json["min_gain"]
        .startswith("it is better than the champion")
    )


def test_gates_that_can_pass_and_hold_end_with_0(offline: CommandLine) -> None:
    ran = offline("gates", "test", str(DIABETES))

    assert (ran.code, ran.out.splitlines()[-1]) == (0, "All 18 gates can pass and can hold.")


def test_a_gate_that_cannot_hold_ends_with_2_and_is_named(offline: CommandLine, tmp_path: Path) -> None:
    folder = shutil.copytree(DIABETES, tmp_path / "diabetes")
    spec = folder / "model.yaml"
    spec.write_text(
        spec.read_text()
        .replace("metric: mse", "metric: accuracy")
        .replace("direction: lower", "direction: higher")
        .replace("floor: 5134.78", "floor: 0")
    )

    ran = offline("gates", "test", str(folder))

    assert ran.code == 2
    assert "gate floor lets through what was made to break it: accuracy 0, must be at least 0" in ran.out
    assert ran.err.splitlines() == [
        "1 of 18 gates decide nothing.",
        "Next: mend `gates` in model.yaml, then try them again.",
    ]


def test_a_model_that_is_not_there_is_an_error_with_a_remedy(offline: CommandLine) -> None:
    ran = offline("gates", "explain", "nothing-here")

    assert (ran.code, ran.err.splitlines()[1]) == (1, "Next: name a model folder; `ls models` shows them.")
