"""model.yaml: read into a spec, or refused with every fault, its line, what was found and what would be right."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shared.errors import SpecRefused
from shared.gating.metric_facts import METRICS
from shared.model_yaml.gate_spec import Check
from shared.model_yaml.spec_file import load_folder, load_spec
from shared.runs.metrics import METRICS as COMPUTED
from shared.runs.ranked import VALUES
from shared.spec import Approval, Batch, CertificateLimits, Data, Gates, Retrain, Rollout, Spec, Train

DIABETES = Path(__file__).parents[2] / "models" / "diabetes"
SMALL = """\
v: 1
name: small
owner: the-team
purpose: To be small.
data: {contract: contract.yaml, key: [ID], target: Y}
train: {entry: train.py, parameters: {}}
gates: {metric: mse, direction: lower, floor: 10}
approval: {approvers: [operations]}
"""


def faults_of(text: str) -> list[str]:
    with pytest.raises(SpecRefused) as refused:
        load_spec(text, file="models/x/model.yaml")
    return refused.value.what.splitlines()[1:]


def with_entry(entry: str, value: str) -> str:
    """The small spec with one more entry `section.name`, or with another value of it."""
    section, _, name = entry.partition(".")
    lines = SMALL.splitlines()
    place = next((n for n, line in enumerate(lines) if line.startswith(section)), None)
    if place is None:
        return f"{SMALL}{section}: {{{name}: {value}}}\n"
    first, _, last = lines[place].partition(f"{name}: ")
    if last:
        rest = last[last.index("]") + 1 :] if last.startswith("[") else "".join(last.partition(",")[1:]) or "}"
        lines[place] = f"{first}{name}: {value}{rest}"
    else:
        lines[place] = lines[place].removesuffix("}") + f", {name}: {value}}}"
    return "\n".join(lines) + "\n"


def test_a_small_spec_has_the_defaults() -> None:
    assert load_spec(SMALL) == Spec(
        name="small",
        owner="the-team",
        purpose="To be small.",
        data=Data("contract.yaml", ("ID",), "Y", Batch(0, 0, 60.0), 20),
        train=Train("train.py", {}, 30.0, 2048, 2),
        gates=Gates("mse", "lower", 10.0, 0.0, 0.95, 15, CertificateLimits(500.0, 60.0, 500.0)),
        approval=Approval(("operations",), 72.0),
        retrain=Retrain(("data", "drift", "performance", "request", "code"), 259200.0, 20, 8, back_off=2.0),
        rollout=Rollout((10, 50, 100), 60.0, 20, 1.0, 60.0, 1440.0),
        adopt="always",
    )


def test_parameters_are_kept_as_they_are_written() -> None:
    spec = load_spec(SMALL.replace("parameters: {}", "parameters: {alpha: 0.40, deep: yes, name: 'x y'}"))
    assert spec.train.parameters == {"alpha": "0.40", "deep": "yes", "name": "x y"}


def test_a_fault_names_file_line_entry_found_and_right() -> None:
    assert faults_of(SMALL.replace("direction: lower", "direction: up")) == [
        'models/x/model.yaml:7: gates.direction: found "up"; right would be "lower" or "higher".'
    ]


def test_every_fault_is_told_at_once_in_the_files_order() -> None:
    spoiled = SMALL.replace("key: [ID]", "key: ID").replace("floor: 10", "flor: 10").replace("[operations]", "[]")
    assert faults_of(spoiled.replace("owner: the-team", "owner: 7") + "adopt: sometimes\n") == [
        "models/x/model.yaml:3: owner: found 7; right would be text.",
        'models/x/model.yaml:5: data.key: found "ID"; right would be a list like [text].',
        "models/x/model.yaml:7: gates.flor: there is no such entry; right would be floor.",
        "models/x/model.yaml:7: gates.floor: missing; right would be a number.",
        "models/x/model.yaml:8: approval.approvers: found []; right would be at least one user or role.",
        'models/x/model.yaml:9: adopt: found "sometimes"; right would be "always" or "never".',
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: the file holds no entries"),
        ("- a\n", "1: the file holds no entries"),
        ("v: 1\nname: [", "2: this is not YAML"),
        (SMALL + "name: again\n", "9: name: it stands twice; right would be once."),
        (SMALL.replace("v: 1", "v: 2"), "1: v: found 2; right would be 1."),
        (SMALL.replace("v: 1\n", ""), "1: v: found nothing; right would be 1."),
        (SMALL.replace("v: 1", "v: true"), "1: v: found true; right would be 1."),
        (SMALL.replace("name: small", "name: Small Model"), '2: name: found "Small Model"; right would be lower-case'),
        (SMALL.replace("name: small", "name:"), "2: name: found nothing; right would be text."),
        (SMALL.replace("{approvers: [operations]}", "everybody"), '8: approval: found "everybody"; right would be a mapping of approvers'),
        (SMALL.replace("approval: {approvers: [operations]}\n", ""), "1: approval: missing; right would be a mapping of"),
        (SMALL.replace("parameters: {}", "parameters: {alpha: [1, 2]}"), "train.parameters.alpha: found"),
        (SMALL.replace("parameters: {}", "parameters: {--x: 1}"), "right would be names like alpha"),
    ],
)  # fmt: skip
def test_what_is_no_spec_is_refused(text: str, told: str) -> None:
    assert any(told in fault for fault in faults_of(text))


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("data.holdout_percent", "0"),
        ("data.holdout_percent", "100"),
        ("data.contract", "../contract.yaml"),
        ("data.key", "[]"),
        ("data.target", "ID"),
        ("train.entry", "/bin/sh"),
        ("train.max_minutes", "0"),
        ("train.max_memory_mb", "2 GB"),
        ("train.tries", "0"),
        ("train.tries", "2.5"),
        ("train.tries", "true"),
        ("gates.metric", "beauty"),
        ("gates.floor", "low"),
        ("gates.floor", ".nan"),
        ("gates.floor", ".inf"),
        ("gates.floor", "0"),
        ("gates.direction", "higher"),
        ("gates.confidence", "0.5"),
        ("gates.confidence", "1"),
        ("gates.confidence", "95"),
        ("gates.min_rows", "1"),
        ("gates.minimum_gain", "-1"),
        ("retrain.on", "[data, mood]"),
        ("retrain.budget_per_day", "0"),
        ("rollout.steps", "[10, 50]"),
        ("rollout.steps", "[50, 10, 100]"),
        ("rollout.steps", "[0, 100]"),
        ("rollout.steps", "[]"),
        ("rollout.min_requests", "0"),
        ("rollout.bake_seconds", "1200"),
        ("approval.approvers", "[]"),
        ("approval.expires_hours", "0"),
    ],
)
def test_rules_that_can_never_pass_are_refused(entry: str, value: str) -> None:
    text = with_entry(entry, value)
    blamed = "rollout.deadline_minutes" if entry == "rollout.bake_seconds" else entry
    assert any(f" {blamed}: found" in fault for fault in faults_of(text)), text


def test_an_accuracy_whose_floor_is_above_1_is_refused() -> None:
    text = SMALL.replace("metric: mse, direction: lower, floor: 10", "metric: accuracy, direction: higher, floor: 1.2")
    assert any("gates.floor: found 1.2; right would be less than 1" in fault for fault in faults_of(text))


def test_the_metrics_that_a_spec_may_name_are_those_that_judging_computes() -> None:
    assert set(METRICS) == set(COMPUTED) | set(VALUES)


# Folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the diabetes model, to spoil."""
    return Path(shutil.copytree(DIABETES, tmp_path / "diabetes", ignore=shutil.ignore_patterns("__pycache__")))


def folder_faults(folder: Path) -> list[str]:
    with pytest.raises(SpecRefused) as refused:
        load_folder(folder)
    return refused.value.what.splitlines()


def test_the_diabetes_model_is_right() -> None:
    assert load_folder(DIABETES).gates == Gates("mse", "lower", 5134.78, certificate=CertificateLimits(500, 60, 50))


def test_a_folder_without_a_spec_is_refused(tmp_path: Path) -> None:
    assert folder_faults(tmp_path / "x") == ["models/x holds no model.yaml."]


@pytest.mark.parametrize("name", ["contract.yaml", "train.py", "score.py", "requirements.txt"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"models/diabetes/{name}: missing; right would be a file." in folder_faults(folder)


def test_loose_requirements_are_refused_by_line(folder: Path) -> None:
    (folder / "requirements.txt").write_text("# ours\nnumpy==2.4.6 ; python_version > '3'\nscipy>=1\n-r other.txt\n")
    assert folder_faults(folder)[1:] == [
        "models/diabetes/requirements.txt:3: found scipy>=1; right would be package==version.",
        "models/diabetes/requirements.txt:4: found -r other.txt; right would be package==version.",
    ]


def test_a_contract_that_cannot_be_checked_is_refused_with_its_faults(folder: Path) -> None:
    contract = folder / "contract.yaml"
    contract.write_text(contract.read_text().replace("logicalType: integer", "logicalType: counter"))
    told = "models/diabetes/contract.yaml: PATIENT.logicalType: found 'counter'"
    assert any(fault.startswith(told) for fault in folder_faults(folder))


def test_key_and_target_are_columns_of_the_contract(folder: Path) -> None:
    model = folder / "model.yaml"
    model.write_text(model.read_text().replace("target: Y", "target: YEAR"))
    told = "models/diabetes/model.yaml: data.target: found YEAR; right would be a column of contract.yaml."
    assert told in folder_faults(folder)


@pytest.mark.parametrize(
    ("gates", "fault"),
    [
        ("slices: {columns: [SEX, Y]}", "slices.columns: found Y; right would be other columns than the target"),
        ('slices: {where: ["Y > 100"]}', "slices.where: found Y > 100; right would be a condition on the contract's"),
        ("compare: {unit: Y}", "compare.unit: found Y; right would be another column than the target"),
        (
            "compare: {unit: BMI, block_days: 7}",
            "compare.unit: found BMI, a number; right would be a date or timestamp, which block_days cuts into blocks",
        ),
        ("guards: {macro_recall: 0.1}", "guards: found macro_recall; right would be gates.compare.classes beside it"),
        ("guards: {ndcg: 0.1}", "guards: found ndcg; right would be gates.compare.unit beside it"),
        (
            "guards: {auc: 0.1}\n  compare: {unit: SEX}",
            "guards: found auc; right would be left out where gates.compare",
        ),
    ],
)
def test_what_no_holdout_row_could_be_asked_is_refused_when_it_is_published(
    folder: Path, gates: str, fault: str
) -> None:
    model = folder / "model.yaml"
    model.write_text(model.read_text().replace("gates:\n", f"gates:\n  {gates}\n", 1))
    (told,) = folder_faults(folder)[1:]
    assert told.startswith(f"models/diabetes/model.yaml: gates.{fault}")


def test_the_folder_has_the_models_name(folder: Path) -> None:
    told = 'models/other/model.yaml: name: found "diabetes"; right would be the folder\'s, other.'
    assert told in folder_faults(folder.rename(folder.parent / "other"))


def test_a_mapping_with_a_mistake_is_told_with_what_it_holds() -> None:
    told = faults_of(SMALL.replace("floor: 10}", "floor: 10, guards: {mae: 2, acuracy: 1}}"))
    assert any("gates.guards: found {mae: 2, acuracy: 1}; right would be names of metrics" in fault for fault in told)


CHECKED = SMALL.replace("floor: 10}", "floor: 10, certificate: {checks: %s}}")


def test_declared_checks_are_read_with_their_limits_and_parameters() -> None:
    checks = "{fairness: {limits: {difference: at most 0.1}, parameters: {by: SEX}, judge: values, max_seconds: 30}}"
    found = load_spec(CHECKED % checks).gates.certificate.checks

    assert found == {"fairness": Check({"difference": "at most 0.1"}, {"by": "SEX"}, "values", 30.0)}


@pytest.mark.parametrize(
    ("checks", "fault"),
    [
        ("[fairness]", 'checks: found ["..."]; right would be a mapping of names, each with a mapping of limits,'),
        ("{fairness: yes}", "checks.fairness: found true; right would be a mapping of limits, parameters"),
        ("{fairness: {}}", "checks.fairness.limits: missing; right would be a mapping"),
        ("{fairness: {limits: {}}}", "checks.fairness.limits: found a mapping; right would be one limit or more"),
        ("{fairness: {limits: {d: 0.1}}}", 'limits.d: found "0.1"; right would be "at most NUMBER" or'),
        (
            "{Fair-ness: {limits: {d: at most 1}}}",
            'checks.Fair-ness: found "Fair-ness"; right would be lower-case letters',
        ),
        (
            "{a: {limits: {d: at most 1}, max_seconds: 0}}",
            "max_seconds of more than 0, of all checks together at most 900",
        ),
        ("{a: {limits: {d: at most 1}, max_seconds: 901}}", 'checks: found "901 s"; right would be max_seconds'),
        ("{a: {limit: {d: at most 1}}}", "checks.a.limit: there is no such entry; right would be limits."),
    ],
)
def test_a_check_that_could_decide_nothing_is_refused(checks: str, fault: str) -> None:
    assert any(fault in found for found in faults_of(CHECKED % checks)), faults_of(CHECKED % checks)
