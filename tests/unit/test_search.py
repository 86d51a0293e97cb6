"""A search for hyper-parameters: seeded, within its caps, on training rows alone, told on the page; and a warm start."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from shared.data.split import split
from shared.errors import RunFailed, SpecRefused
from shared.model_yaml.search_space import Dimension, dimension
from shared.model_yaml.searching import most_seconds, sweep
from shared.model_yaml.spec_file import load_spec
from shared.platforms.port import Sweep
from shared.runs.dataset import search_parts
from shared.runs.search import Searched, search
from shared.spec import Data, Retrain, Search
from shared.web.site import site
from tests.fakes.platform import Outcome
from tests.world import CASES, World, evidence, spec_text

SPACE = {"alpha": "0.01 to 100, log", "degree": "1 to 4", "kind": "ridge | lasso"}
DECLARED = {"alpha": "3", "degree": "2", "kind": "ridge", "rows": "all"}
ASKED = Search(space=SPACE, trials=12, seed=7)


def bowl(number: int, parameters: Mapping[str, str], seconds: float) -> float:
    """Best at alpha 1 and degree 3."""
    return math.log10(float(parameters["alpha"])) ** 2 + (int(parameters["degree"]) - 3) ** 2


def found(attempt: Callable[..., float] = bowl, asked: Search = ASKED, **named: Any) -> Searched:
    return search(asked, DECLARED, attempt, **{"direction": "lower", "most_seconds": 1e6, **named})


def test_the_same_seed_gives_the_same_trials_and_another_seed_others() -> None:
    one, again, other = (found(asked=replace(ASKED, seed=seed)) for seed in (7, 7, 8))
    assert [trial.parameters for trial in one.trials] == [trial.parameters for trial in again.trials]
    assert [trial.parameters for trial in one.trials[1:]] != [trial.parameters for trial in other.trials[1:]]


def test_the_first_trial_is_what_is_declared_and_the_best_is_never_worse() -> None:
    searched = found()
    assert searched.trials[0].parameters == {**DECLARED, "alpha": "3.0"}
    assert searched.best.value == min(trial.value for trial in searched.trials if trial.value is not None)
    assert (len(searched.trials), searched.ended) == (12, "all 12 trials were made")


def test_every_trial_lies_in_the_space() -> None:
    for trial in found().trials:
        for name, words in SPACE.items():
            space = dimension(words)
            assert space is not None
            assert space.holds(trial.parameters[name]), trial


def test_where_higher_is_better_the_highest_is_the_best() -> None:
    searched = found(lambda *asked: -bowl(*asked), direction="higher")
    assert searched.best.value == max(trial.value for trial in searched.trials if trial.value is not None)


def test_a_crash_of_a_trial_is_recorded_and_the_search_goes_on() -> None:
    def crashing(number: int, parameters: Mapping[str, str], seconds: float) -> float:
        if number in (0, 3):
            raise RunFailed("train.py failed: exit code -9", next="mend it")
        return math.nan if number == 4 else bowl(number, parameters, seconds)

    searched = found(crashing)
    assert [trial.error for trial in searched.trials if trial.value is None] == [
        "train.py failed: exit code -9",
        "train.py failed: exit code -9",
        "its value is nan",
    ]
    assert (searched.best.number not in (0, 3, 4), searched.summary(ASKED, "mse")["failed"]) == (True, 3)


def test_a_search_in_which_all_trials_fail_is_no_candidate() -> None:
    def fails(number: int, parameters: Mapping[str, str], seconds: float) -> float:
        raise RunFailed("no luck", next="")

    with pytest.raises(RunFailed, match="all 12 trials failed, the last: no luck"):
        found(fails)


def test_no_trial_begins_after_the_time_is_over_and_each_is_told_what_is_left() -> None:
    ticks, left = itertools.count(0.0, 10.0), []

    def slow(number: int, parameters: Mapping[str, str], seconds: float) -> float:
        left.append(seconds)
        return bowl(number, parameters, seconds)

    searched = found(slow, most_seconds=60.0, clock=lambda: next(ticks))
    assert (len(searched.trials), searched.ended) == (2, "its 60 s were over")
    assert left == [50.0, 20.0]


def test_money_buys_so_many_minutes() -> None:
    rules = load_spec(spec_text(more=", price_per_minute: 0.5").replace("max_minutes: 5", SEARCHED))
    assert most_seconds(rules) == 4 * 60
    assert most_seconds(replace(rules, retrain=Retrain())) == 10 * 60


SEARCHED = "max_minutes: 15\n  search: {space: {alpha: 1 to 9}, max_money: 2}"


@pytest.mark.parametrize(
    ("train", "fault"),
    [
        ("search: {space: {alpha: 9 to 1}}", 'ranges like "1 to 9"'),
        ("search: {space: {alpha: 2 to 9}, max_minutes: 1}", "alpha within its space, 2 to 9: it is the first trial"),
        ("search: {space: {beta: 1 to 9}, max_minutes: 1}", "beta within its space, 1 to 9: it is the first trial"),
        ("search: {space: {alpha: 1 to 9}, max_minutes: 5}", "less than train.max_minutes (5)"),
        ("search: {space: {alpha: 1 to 9}, max_minutes: 1, max_money: 2}", "or retrain.price_per_minute beside it"),
        ("search: {trials: 0}", "1 to 200"),
        ("search: {jobs: -1}", "0 (inside the training run) to 100"),
        ("search: {space: {alpha: '1 to 9, log'}, max_minutes: 2, jobs: 2}", "or sampler: random"),
        ("search: {space: {alpha: 1 | a b}, max_minutes: 2, jobs: 2}", "not 'a b'"),
        ("search: {space: {alpha: 1 to 9}, max_minutes: 0.5, jobs: 2}", "at least one minute of all jobs"),
        ("search: {sampler: grid}", '"bayesian" or "random"'),
        ("warm_start: always", '"none" or "champion"'),
    ],
)
def test_what_cannot_be_searched_is_refused_when_it_is_published(train: str, fault: str) -> None:
    with pytest.raises(SpecRefused) as refused:
        load_spec(spec_text().replace("max_minutes: 5", f"max_minutes: 5\n  {train}"))
    assert fault in str(refused.value)


SWEPT = (
    "max_minutes: 15\n  search: {space: {alpha: 1 to 9}, max_minutes: 12, max_money: 2, trials: 3, jobs: 4, seed: 7}"
)


def test_a_sweep_has_the_caps_of_the_search_and_its_money_is_for_all_jobs_together() -> None:
    rules = load_spec(spec_text(more=", price_per_minute: 0.5").replace("max_minutes: 5", SWEPT))
    asked = Sweep({"alpha": "1 to 9"}, "bayesian", 7, "minimize", trials=3, jobs=3, seconds=pytest.approx(80))
    assert sweep(rules) == asked
    assert (sweep(replace(rules, train=replace(rules.train, search=Search()))), rules.train.machine_minutes) == (
        None,
        48,
    )


def test_a_budget_has_room_for_all_jobs_of_a_sweep() -> None:
    with pytest.raises(SpecRefused, match="at least 48, train.search.max_minutes of each job"):
        load_spec(spec_text(more=", price_per_minute: 0.5, minutes_per_day: 40").replace("max_minutes: 5", SWEPT))


def test_a_random_sampler_is_seeded_too() -> None:
    one, again = (found(asked=replace(ASKED, sampler="random")) for _ in range(2))
    assert [trial.parameters for trial in one.trials] == [trial.parameters for trial in again.trials]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("1 to 4", Dimension(1, 4, whole=True)),
        ("1e-3 to 1, log", Dimension(0.001, 1, log=True)),
        ("0 to 1, log", None),
        ("a | a", None),
        ("one", None),
        ("1 to nan", None),
    ],
)
def test_a_dimension_is_read_from_words(words: str, expected: Dimension | None) -> None:
    assert dimension(words) == expected


def test_rows_that_choose_are_neither_held_out_nor_trained_on() -> None:
    table = pa.table({"ID": [number // 2 for number in range(2000)], "Y": [0.0] * 2000})
    data = Data("contract.yaml", key=("ID",), target="Y", holdout_percent=20)
    train, holdout = split(table, data.key, data.holdout_percent)
    parts = search_parts(train, data, 25)
    keys = [set(side["ID"].to_pylist()) for side in (parts.train, parts.validation, holdout)]
    assert len(keys[0] | keys[1] | keys[2]) == sum(map(len, keys)) == 1000
    assert parts.train.num_rows + parts.validation.num_rows == train.num_rows
    assert parts.validation.num_rows == pytest.approx(500, rel=0.15)


# In the chain

BEST = {"number": 1, "value": 2900.5, "parameters": {"alpha": "0.3"}}
TRIALS = {
    "v": 1,
    "trials": [
        {"number": 0, "parameters": {"alpha": "1"}, "value": 2950.0, "seconds": 1.5, "error": ""},
        {"number": 1, "parameters": {"alpha": "0.3"}, "value": 2900.5, "seconds": 1.5, "error": ""},
        {"number": 2, "parameters": {"alpha": "9"}, "value": None, "seconds": 0.5, "error": "train.py failed: <boom>"},
    ],
}
FOUND = {"metric": "mse", "trials": 3, "failed": 1, "seed": 0, "best": BEST, "ended": "all 3 trials were made"}


@pytest.fixture
def searched(tmp_path: Path) -> World:
    """A world whose training run tried three parameters."""
    (tmp_path / "users.json").write_text(json.dumps({"operations-key": "operations"}))
    world = World(tmp_path)
    result = {"v": 1, "metrics": {"mse_train": 2890.0}, "search": FOUND, "attachments": {"trials": TRIALS}}
    world.trainer.script["train"] = Outcome(result=result)
    world.publish()
    world.settle()
    world.drop("rows")
    world.settle()
    return world


def test_the_story_tells_the_best_trial_and_keeps_them_all(searched: World) -> None:
    release = searched.release("m-0001")
    kept = json.loads(searched.blobs.read(*release.trained.split("/", 1)))
    assert json.loads(searched.blobs.read(*kept["attachments"]["trials"]["blob"].split("/", 1))) == TRIALS
    notes = [note for line in searched.app.book.journal("m") for note in json.loads(line)["notes"]]
    (told,) = [note["why"] for note in notes if note["what"] == "candidate trained"]
    assert told == "m-0001-t-1; best of 3 trials, 1 failed: alpha 0.3 (mse 2900.5 on validation rows)"


def test_the_page_shows_all_trials(searched: World) -> None:
    page = TestClient(site(searched.app), base_url="http://127.0.0.1:1").get("/releases/m-0001").text
    assert "trial 1 is the candidate: mse 2900.5 on the validation rows" in page
    assert page.count('data-label="Parameters"') == 3
    assert "train.py failed: &lt;boom&gt;" in page


def test_a_release_without_a_search_shows_no_trials(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish()
    world.settle()
    world.drop("rows")
    world.settle()
    page = TestClient(site(world.app), base_url="http://127.0.0.1:1").get("/releases/m-0001").text
    assert 'id="trials"' not in page


@pytest.mark.parametrize(("warm", "inputs"), [("champion", "version:1"), ("none", None)])
def test_a_warm_start_hands_the_version_that_serves_to_the_training(
    tmp_path: Path, warm: str, inputs: str | None
) -> None:
    world = World(tmp_path)
    text = spec_text().replace("max_minutes: 5", f"max_minutes: 5\n  warm_start: {warm}")
    assert load_spec(text).train.warm_start == warm
    publish(world, text)
    world.go_live("rows")
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    trained = [run for run in world.trainer.started if run.step == "train"]
    assert [run.inputs.get("champion") for run in trained] == [None, inputs]


def publish(world: World, text: str) -> None:
    """Publish a folder with this model.yaml."""
    from shared import events, names

    folder = names.digest(text)[:16]
    for name, content in (("model.yaml", text), ("contract.yaml", "{}"), ("tests/cases.json", CASES)):
        world.blobs.put("models", f"m/{folder}/{name}", content.encode(), content_type="text/plain")
    world.app.book.list_model("m")
    world.accept("m", events.ModelPublished(id="p", at=world.now, by="author", folder=folder))
    world.settle()


@pytest.mark.parametrize("jobs", [0, 2])
def test_the_training_run_alone_is_asked_for_as_a_sweep(tmp_path: Path, jobs: int) -> None:
    world = World(tmp_path)
    asked = f"search: {{space: {{alpha: 1 to 9}}, max_minutes: 2, jobs: {jobs}}}"
    publish(world, spec_text().replace("max_minutes: 5", f"max_minutes: 5\n  {asked}"))
    world.go_live("rows")
    assert [(run.step, run.sweep is not None) for run in world.trainer.started] == [
        ("train", jobs > 0),
        ("judge", False),
        ("certify", False),
    ]
