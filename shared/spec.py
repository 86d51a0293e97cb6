"""A model's spec: `model.yaml` as frozen values, validated with all faults at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.model_yaml.gate_spec import Check, Comparing, Holdout, Sanity, Slices
from shared.model_yaml.served_spec import BatchScoring

Direction = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Batch:
    """When the accepted files in the basket become a dataset version: the first rule that is met.

    `files`, `rows` or `bytes` reached cuts at once; a drop called `marker`, or all `partitions` of a day, once nothing is being
    checked; otherwise `quiet_seconds` without a new file.
    """

    files: int = 0
    rows: int = 0
    quiet_seconds: float = 60.0
    bytes: int = 0
    marker: str = ""
    partitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """Where the model's rows come from and how they are split: the `key` columns decide train or holdout, for ever, or with
    `split` time the block of `block_days` days in which the column `time` lies.

    `window` says what a dataset version holds besides the files that are new in it (`shared/data/window.py`). With `closed_by`, a
    drop is a folder of parts, and the file of that name closes it: a marker, or a manifest where the name ends in .json.
    A drop of which more than `own_output_percent` of the rows are the model's own answers is refused.
    """

    contract: str
    key: tuple[str, ...]
    target: str
    batch: Batch = field(default_factory=Batch)
    holdout_percent: int = 20
    window: str = "all"
    split: Literal["key", "time"] = "key"
    time: str = ""
    block_days: float = 7.0
    closed_by: str = ""
    own_output_percent: float = 50.0


@dataclass(frozen=True, slots=True)
class Search:
    """Parameters that the training run tries before it trains the candidate, on a part of its own rows (docs/search.md).

    `space` names a dimension for each (`shared/model_yaml/search_space.py`); without one nothing is searched. It ends after `trials`, after
    `max_minutes`, or when `max_money` is spent at `retrain.price_per_minute` (0: no limit). `validation_percent` of all rows,
    taken from those for training, choose the best trial. With `jobs` each trial is a job of its own where the platform has
    sweep jobs, so many at once; elsewhere, and with 0, they are made inside the training run, one after the other.
    """

    space: Mapping[str, str] = field(default_factory=dict)
    sampler: Literal["bayesian", "random"] = "bayesian"
    trials: int = 20
    jobs: int = 0
    max_minutes: float = 10.0
    max_money: float = 0.0
    validation_percent: int = 20
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Train:
    """The training run: `entry` is a script of the folder, called with `parameters`.

    With `warm_start` champion it also gets `--warm-start FOLDER` with the files of the version that serves, if one does.
    """

    entry: str
    parameters: Mapping[str, str]
    max_minutes: float = 30.0
    max_memory_mb: int = 2048
    tries: int = 2
    search: Search = field(default_factory=Search)
    warm_start: Literal["none", "champion"] = "none"

    @property
    def machine_minutes(self) -> float:
        """The most minutes of machines that a training takes, on whatever platform: the jobs of a sweep go side by side."""
        return max(self.max_minutes, self.search.jobs * self.search.max_minutes if self.search.space else 0.0)


@dataclass(frozen=True, slots=True)
class Load:
    """The requests by which latency is measured: `per_second` arrive whether or not those before were answered.

    0 is half of what one worker can do, as the warm-up shows. `requests` are sent, fewer where they would take longer
    than `max_seconds`; 299 are needed to bound the 99th percentile, 59 for the 95th.
    """

    requests: int = 300
    per_second: float = 0.0
    max_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class CertificateLimits:
    """What the really started server must keep to; a `p99_ms` or `memory_mb` of 0 asks for nothing.

    `valid_days` after it was signed the certificate lets nothing be staged or given traffic any more. `checks` are plug-ins.
    """

    p95_ms: float = 500.0
    start_seconds: float = 60.0
    size_mb: float = 500.0
    p99_ms: float = 0.0
    memory_mb: float = 0.0
    valid_days: float = 90.0
    load: Load = field(default_factory=Load)
    checks: Mapping[str, Check] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gates:
    """The rules between a candidate and production. `minimum_gain` is in units of the metric, beyond which the lower bound must lie.

    `guards` are further metrics, or `latency` and `size` in percent, with what they may be worse by at most.
    """

    metric: str
    direction: Direction
    floor: float
    minimum_gain: float = 0.0
    confidence: float = 0.95
    min_rows: int = 15
    certificate: CertificateLimits = field(default_factory=CertificateLimits)
    compare: Comparing = field(default_factory=Comparing)
    guards: Mapping[str, str] = field(default_factory=dict)
    slices: Slices = field(default_factory=Slices)
    sanity: Sanity = field(default_factory=Sanity)
    holdout: Holdout = field(default_factory=Holdout)


@dataclass(frozen=True, slots=True)
class Retrain:
    """Which causes retrain, and what bounds the money (`shared/policy.py` decides by it, docs/retraining.md explains it).

    Budgets count a day as 24 hours and a month as 30 days; 0 sets no limit. Minutes are those of a release's runs;
    money is minutes times `price_per_minute`, an estimate. `quiet_hours` like "mon-fri 08:00-18:00" are in the time zone of
    `schedule`. A cause that has waited `deadline_hours` waits no longer for rows or quiet hours. With a
    `drift_limit` an alarm is `drift_alarms` of the last `drift_of` reports at it; without, each alert of the monitor is
    one. `drift_repeats` is how often drift alone may train the same data with the same code again. Each release that was not
    promoted makes the cool-down `back_off` times as long, up to `back_off_most_hours`, but not for a monitor or new code.
    The defaults are the policy that docs/retraining.md measures.
    """

    on: tuple[str, ...] = ("data", "drift", "performance", "request", "code")
    cool_down_seconds: float = 259200.0
    budget_per_day: int = 20
    breaker: int = 8
    budget_per_month: int = 0
    minutes_per_day: float = 0.0
    minutes_per_month: float = 0.0
    money_per_day: float = 0.0
    money_per_month: float = 0.0
    price_per_minute: float = 0.0
    currency: str = "EUR"
    quiet_hours: tuple[str, ...] = ()
    min_new_rows: int = 0
    deadline_hours: float = 0.0
    drift_limit: float = 0.0
    drift_alarms: int = 1
    drift_of: int = 1
    drift_repeats: int = 1
    back_off: float = 2.0
    back_off_most_hours: float = 336.0


@dataclass(frozen=True, slots=True)
class Rollout:
    """Percent steps up to 100, how long each bakes, and what a step must show."""

    steps: tuple[int, ...] = (10, 50, 100)
    bake_seconds: float = 60.0
    min_requests: int = 20
    max_error_percent: float = 1.0
    deadline_minutes: float = 60.0
    keep_warm_minutes: float = 1440.0


@dataclass(frozen=True, slots=True)
class Approval:
    """Who may approve (user or role names) and how long the question stands."""

    approvers: tuple[str, ...]
    expires_hours: float = 72.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due, in the wall-clock time of `time_zone`; "" and 0 ask for nothing.

    `retrain` and `data` are cron expressions (minute, hour, day, month, weekday): at the one a retrain is asked for, by
    the other a file must have been accepted since the time before. A monitor that says nothing for `monitor_hours`
    while a version serves is silent.
    """

    time_zone: str = "UTC"
    retrain: str = ""
    data: str = ""
    monitor_hours: float = 0.0


@dataclass(frozen=True, slots=True)
class Monitor:
    """The model monitor that Baton keeps on Azure ML (SDK v2): `signals` are `data` and `prediction`; without any there is none.

    It runs at the times of the cron expression `at`, in the time zone of `schedule`. Beyond `threshold` a column is an alert: by the
    normalised Wasserstein distance of numbers, by Jensen and Shannon's of words.
    """

    signals: tuple[str, ...] = ()
    at: str = "0 6 * * *"
    threshold: float = 0.1


@dataclass(frozen=True, slots=True)
class Spec:
    """A model folder's rules, as pinned by a release through the folder's hash."""

    name: str
    owner: str
    purpose: str
    data: Data
    train: Train
    gates: Gates
    approval: Approval
    retrain: Retrain = field(default_factory=Retrain)
    rollout: Rollout = field(default_factory=Rollout)
    schedule: Schedule = field(default_factory=Schedule)
    monitor: Monitor = field(default_factory=Monitor)
    batch: BatchScoring = field(default_factory=BatchScoring)
    adopt: Literal["always", "never"] = "always"
