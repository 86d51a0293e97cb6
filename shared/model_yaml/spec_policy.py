"""What the entries of `retrain` in model.yaml must be, beyond their types: the retraining policy's own part of `spec_file.py`."""

from __future__ import annotations

from collections.abc import Callable

from shared.model_yaml.yaml_record import RecordReader, Requirement
from shared.retraining.hysteresis import REPORTS_KEPT
from shared.retraining.quiet import is_quiet_hours
from shared.spec import Retrain, Train

CAUSES = ("data", "drift", "performance", "request", "code")
DRIFT_OF_MOST = REPORTS_KEPT


def _are_causes(causes: tuple[str, ...]) -> bool:
    return len(set(causes)) == len(causes) and set(causes) <= set(CAUSES)


def _between(least: float, most: float) -> Callable[[float], bool]:
    return lambda value: least <= value <= most


AT_LEAST_0 = Requirement(lambda value: value >= 0, "0 or more")
NO_LIMIT_OR_MORE = Requirement(lambda value: value >= 0, "0 (no limit) or more")
REQUIREMENTS = {
    "retrain.on": Requirement(_are_causes, "each at most once of " + ", ".join(CAUSES)),
    "retrain.cool_down_seconds": AT_LEAST_0,
    "retrain.budget_per_day": Requirement(_between(1, 50), "1 to 50"),
    "retrain.breaker": Requirement(lambda value: value >= 1, "1 or more"),
    "retrain.budget_per_month": Requirement(_between(0, 1500), "0 (no limit) to 1500"),
    "retrain.minutes_per_day": NO_LIMIT_OR_MORE,
    "retrain.minutes_per_month": NO_LIMIT_OR_MORE,
    "retrain.money_per_day": NO_LIMIT_OR_MORE,
    "retrain.money_per_month": NO_LIMIT_OR_MORE,
    "retrain.price_per_minute": AT_LEAST_0,
    "retrain.currency": Requirement(lambda text: len(text) <= 12, "at most 12 characters, like EUR"),
    "retrain.quiet_hours": Requirement(
        lambda texts: all(map(is_quiet_hours, texts)),
        'hours of the day, on all or some days, like "22:00-06:00" or "mon-fri 08:00-18:00"',
    ),
    "retrain.min_new_rows": AT_LEAST_0,
    "retrain.deadline_hours": AT_LEAST_0,
    "retrain.drift_limit": AT_LEAST_0,
    "retrain.drift_alarms": Requirement(_between(1, DRIFT_OF_MOST), f"1 to {DRIFT_OF_MOST}"),
    "retrain.drift_of": Requirement(_between(1, DRIFT_OF_MOST), f"1 to {DRIFT_OF_MOST}"),
    "retrain.drift_repeats": AT_LEAST_0,
    "retrain.back_off": Requirement(_between(1, 10), "1 (no back-off) to 10"),
    "retrain.back_off_most_hours": AT_LEAST_0,
}


def check(retrain: Retrain, train: Train, reader: RecordReader) -> None:
    """A budget has room for at least one run; several alarms need a limit to count them by."""
    for span in ("day", "month"):
        minutes, money = getattr(retrain, f"minutes_per_{span}"), getattr(retrain, f"money_per_{span}")
        if 0 < minutes < train.machine_minutes:
            right = f"0 or at least {train.machine_minutes:g}, {_said(train)}: otherwise nothing is ever retrained"
            reader.wrong(f"retrain.minutes_per_{span}", minutes, right)
        if money > 0 and retrain.price_per_minute <= 0:
            reader.wrong("retrain.price_per_minute", retrain.price_per_minute, "more than 0 where money is limited")
        elif 0 < money < (run := train.machine_minutes * retrain.price_per_minute):
            right = f"0 or at least {run:g}, the price of {_said(train)}: otherwise nothing is ever retrained"
            reader.wrong(f"retrain.money_per_{span}", money, right)
    if retrain.drift_alarms > retrain.drift_of:
        reader.wrong("retrain.drift_alarms", retrain.drift_alarms, f"at most retrain.drift_of, {retrain.drift_of}")
    if retrain.drift_alarms > 1 and retrain.drift_limit <= 0:
        reader.wrong("retrain.drift_limit", retrain.drift_limit, "more than 0 where several reports make an alarm")


def _said(train: Train) -> str:
    """What takes the machine's minutes of a training, in the words of model.yaml."""
    return "train.max_minutes" if train.machine_minutes == train.max_minutes else "train.search.max_minutes of each job"
