"""Candidates against champions on the same holdout rows: honest ones, and ones that were given the target as a feature.

The example models are trained as their train.py does, scikit-learn's small tables by common estimators. Only a champion within the
floor counts, and a gain that `min_gain` lets pass: all else is held without asking how large a jump is believed.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from local import made_up
from local.datasets import Row, diabetes
from shared.data.split import is_holdout
from shared.gating.metric_facts import best
from shared.model_yaml.spec_file import load_folder
from shared.runs.measuring import Measuring
from shared.runs.scoring import Predictions
from shared.spec import Gates
from tests.documents import ROOT

Numbers = NDArray[np.float64]
SIZES = (60, 100, 200, 400, 1000, 2000)
SHARES = (0.1, 0.3, 1.0)
Way = Literal["more rows", "another estimator", "the target among the features"]
LEAK: Way = "the target among the features"
Pairs = Iterable[tuple[Predictions, Predictions, Way]]


@dataclass(frozen=True)
class Jump:
    """By how many percent of what the champion had wrong the candidate is better, and how that came about."""

    table: str
    metric: str
    percent: float
    way: Way


@dataclass(frozen=True)
class Table:
    """A table's features, what is predicted, which rows are held out, and the units of these; `leak` is the target as a number."""

    name: str
    gates: Gates
    features: NDArray[Any]
    target: NDArray[Any]
    held: NDArray[np.bool_]
    unit: Numbers | None = None

    @property
    def measuring(self) -> Measuring:
        """The comparison on the holdout."""
        return Measuring(self.gates, self.target[self.held].astype(float), self.unit)

    def answers(self, make: Callable[[bool], Any], rows: int, *, leaks: bool) -> Predictions:
        """What an estimator that learned from the first training rows answers to the holdout."""
        known = np.column_stack([self.target, self.features]) if leaks else self.features
        train, model = np.flatnonzero(~self.held)[:rows], make(leaks)
        model.fit(known[train], self.target[train])
        if self.gates.metric in ("mse", "wape", "ndcg"):
            return Predictions(np.asarray(model.predict(known[self.held]), dtype=float))
        return Predictions(model.predict_proba(known[self.held])[:, 1])

    def jumps(self, pairs: Pairs) -> Iterator[Jump]:
        """Those of champion and candidate that `floor` and `min_gain` let pass."""
        gates, measuring = self.gates, self.measuring
        for champion, candidate, way in pairs:
            value = measuring.value(gates.metric, champion)
            is_within = value <= gates.floor if gates.direction == "lower" else value >= gates.floor
            gain = measuring.gain(gates.metric, champion, candidate, confidence=gates.confidence)
            if is_within and gain.lower > gates.minimum_gain:
                yield Jump(self.name, gates.metric, 100 * gain.mean / abs(value - best(gates)), way)


def of_models() -> Iterator[Jump]:
    """Champions of the first rows, candidates of all."""
    for name in ("diabetes", "loans", "films", "demand"):
        table, make = _model_table(name)
        whole = int((~table.held).sum())
        champions = [table.answers(make, size, leaks=False) for size in SIZES if size < whole]
        honest, leaking = (table.answers(make, whole, leaks=leaks) for leaks in (False, True))
        yield from table.jumps((champion, honest, "more rows") for champion in champions)
        yield from table.jumps((champion, leaking, LEAK) for champion in [*champions, honest])


def _model_table(name: str) -> tuple[Table, Callable[[bool], Any]]:
    folder = ROOT / "models" / name
    spec = load_folder(folder)
    place = importlib.util.spec_from_file_location(f"train_{name}", folder / "train.py")
    assert place is not None
    assert place.loader is not None
    train = importlib.util.module_from_spec(place)
    place.loader.exec_module(train)
    rows = ROWS[name]()
    key = [_week(row) for row in rows] if name == "demand" else [str(row[spec.data.key[0]]) for row in rows]
    held = np.array([is_holdout([value], spec.data.holdout_percent) for value in key])
    target = np.array([row[spec.data.target] for row in rows])
    if name == "loans":
        target = (target == train.DEFAULTED).astype(float)
    unit = np.unique(np.array(key)[held], return_inverse=True)[1].astype(float) if name in ("films", "demand") else None
    features = np.array([_features(train, row) for row in rows], dtype=object if hasattr(train, "WORDS") else float)
    make = _maker(train, next(iter(spec.train.parameters.values())))
    return Table(name, spec.gates, features, target.astype(float), held, unit), make


ROWS: Mapping[str, Callable[[], list[Row]]] = {
    "diabetes": diabetes,
    "loans": lambda: made_up.loans(1, 5001),
    "films": lambda: made_up.films(1, 1131),
    "demand": made_up.demand,
}


def _week(row: Row) -> str:
    return str(np.datetime64(str(row["DAY"])).astype("datetime64[D]").astype(int) // 7)


def _features(train: ModuleType, row: Row) -> list[object]:
    """As each train.py reads them."""
    if hasattr(train, "KNOWN"):
        return [*train.calendar(row["DAY"]), *(row[name] for name in train.KNOWN)]
    return [
        row[name]
        for name in (*getattr(train, "FEATURES", ()), *getattr(train, "NUMBERS", ()), *getattr(train, "WORDS", ()))
    ]


def _maker(train: ModuleType, parameter: str) -> Callable[[bool], Any]:
    """An unfitted pipeline of the folder, for one number more if it leaks."""
    numbers = getattr(train, "NUMBERS", ())

    def make(leaks: bool) -> Any:
        if numbers:
            train.NUMBERS = ("LEAK", *numbers) if leaks else numbers  # type: ignore[attr-defined]
        if hasattr(train, "KNOWN"):
            steps = train.StandardScaler(), train.PolynomialFeatures(2, interaction_only=True, include_bias=False)
            return train.make_pipeline(*steps, train.StandardScaler(), train.Ridge(alpha=float(parameter)))
        return train._regression(float(parameter))

    return make


def of_tables() -> Iterator[Jump]:
    """Estimators on a tenth, a third and all of the training rows: each on more rows, and each against every other on as many."""
    for table in small_tables():
        whole = int((~table.held).sum())
        makers = [lambda _, make=make: make() for make in _estimators(table.gates.metric == "mse")]
        known = [[table.answers(make, max(20, int(share * whole)), leaks=False) for share in SHARES] for make in makers]
        leaking = [table.answers(make, whole, leaks=True) for make in makers]
        yield from table.jumps(
            (few, many, "more rows") for each in known for few, many in itertools.combinations(each, 2)
        )
        yield from table.jumps(
            (one[-1], other[-1], "another estimator") for one, other in itertools.permutations(known, 2)
        )
        yield from table.jumps((each[-1], leak, LEAK) for each, leak in itertools.product(known, leaking))


def small_tables() -> Iterator[Table]:
    """scikit-learn's tables, classes as one of them against the rest, each by an error and by a score."""
    from sklearn import datasets

    loads = (datasets.load_iris, datasets.load_wine, datasets.load_digits, datasets.load_breast_cancer)
    for load in loads:
        name, found = load.__name__.removeprefix("load_"), load()
        order = np.random.default_rng(7).permutation(len(found.target))
        target = (found.target[order] == 1).astype(float)
        held = np.array([is_holdout([str(row)], 20) for row in range(len(target))])
        base = float(target[held].mean())
        floors = {"log_loss": 0.69, "accuracy": max(base, 1 - base), "auc": 0.5}
        for metric, floor in floors.items():
            gates = Gates(metric, "lower" if metric == "log_loss" else "higher", floor)
            yield Table(name, gates, found.data[order], target, held)
    found = datasets.load_diabetes(scaled=False)
    held = np.array([is_holdout([str(row)], 20) for row in range(len(found.target))])
    yield Table("diabetes", Gates("mse", "lower", float(found.target[held].var())), found.data, found.target, held)


def _estimators(is_number: bool) -> list[Callable[[], Any]]:
    from sklearn import ensemble, linear_model, naive_bayes, neighbors, pipeline, preprocessing, tree

    def scaled(model: Any) -> Any:
        return pipeline.make_pipeline(preprocessing.StandardScaler(), model)

    if is_number:
        return [
            lambda: scaled(linear_model.Ridge(1.0)),
            lambda: scaled(linear_model.Ridge(1000.0)),
            lambda: scaled(neighbors.KNeighborsRegressor()),
            lambda: tree.DecisionTreeRegressor(max_depth=3, random_state=0),
            lambda: ensemble.RandomForestRegressor(50, random_state=0),
        ]
    return [
        lambda: scaled(linear_model.LogisticRegression(C=1.0, max_iter=5000)),
        lambda: scaled(linear_model.LogisticRegression(C=0.001, max_iter=5000)),
        lambda: scaled(neighbors.KNeighborsClassifier()),
        lambda: naive_bayes.GaussianNB(),
        lambda: tree.DecisionTreeClassifier(max_depth=3, random_state=0),
        lambda: ensemble.RandomForestClassifier(50, random_state=0),
    ]
