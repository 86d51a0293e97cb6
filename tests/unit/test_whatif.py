"""What-if: a past played through policies, counted by hand on small pasts, and read from a real journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from cli.simulate import simulate
from shared.errors import Permanent, SpecRefused
from shared.journaling import journal
from shared.model_yaml.spec_file import load_spec
from shared.spec import Batch, Retrain
from shared.whatif import history, synthetic
from shared.whatif.deciders import AtLimit, EveryDay, EveryDrop, OurPolicy
from shared.whatif.picture import picture, together
from shared.whatif.play import Attempt, Decider, Signal, Terms, Trained, play
from shared.whatif.policies import of_folder, with_policy
from tests.world import World, evidence, spec_text

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TERMS = Terms(minutes=60, price_per_minute=0.5, approval_hours=1, stale_hour=2)
FOLDER = Path(__file__).resolve().parents[2] / "cli/template"


@dataclass(frozen=True)
class Small:
    """Ten days, a file each day at noon; on day 5 the truth changes, and a model trained before it loses 1 from then on."""

    name: str = "small"
    begin: datetime = BEGIN
    end: datetime = BEGIN + 10 * DAY
    changes: tuple[datetime, ...] = (BEGIN + 5 * DAY,)
    signals: tuple[Signal, ...] = tuple(
        Signal(BEGIN + day * DAY + 12 * HOUR, "file", rows=100, name=f"f{day}") for day in range(10)
    )

    alerts_from: float = 0.0

    def seen_by_monitor(self, signal: Signal, champion: Trained) -> float:
        return signal.number

    def loss(self, model: Trained, at: datetime) -> float:
        return float(model.at < self.changes[0] <= at)

    def passes(self, candidate: Trained, champion: Trained) -> bool:
        return champion.at < self.changes[0] <= candidate.at

    def is_needed(self, candidate: Trained, champion: Trained) -> bool:
        return self.passes(candidate, champion)


def ours(**retrain: object) -> OurPolicy:
    spec = load_spec(spec_text())
    rules = Retrain(on=("data", "drift", "code"), cool_down_seconds=0, back_off=1, budget_per_day=50, breaker=100)
    data = replace(spec.data, batch=Batch(files=1))
    return OurPolicy(replace(spec, data=data, retrain=replace(rules, **retrain)), BEGIN)


def test_every_drop_is_counted_by_hand() -> None:
    """Ten files, one hour each; the sixth, at noon of day 5, is the first after the change: live two hours later."""
    played = play(Small(), EveryDrop(), policy="every drop", terms=TERMS)
    assert (len(played.attempts), played.promoted, played.false, played.minutes) == (10, 1, 9, 600)
    assert played.stale == [(BEGIN + 5 * DAY, BEGIN + 5 * DAY + 14 * HOUR)]
    assert (played.stale_hours, played.lost, played.money(TERMS), played.cost(TERMS)) == (14, 14, 300, 328)


def test_every_day_trains_at_its_time() -> None:
    played = play(Small(), EveryDay(BEGIN), policy="every day", terms=TERMS)
    assert [one.at for one in played.attempts] == [BEGIN + day * DAY for day in range(1, 10)] + (
        [BEGIN + 10 * DAY] if len(played.attempts) > 9 else []
    )
    assert played.stale_hours == 2


def test_our_policy_without_limits_trains_as_every_drop_does() -> None:
    mine = play(Small(), ours(), policy="ours", terms=TERMS)
    theirs = play(Small(), EveryDrop(), policy="every drop", terms=TERMS)
    assert mine.attempts == theirs.attempts


def test_new_rows_and_a_deadline_hold_in_a_simulation_as_in_production() -> None:
    played = play(Small(), ours(min_new_rows=300), policy="ours", terms=TERMS)
    assert [one.at for one in played.attempts] == [BEGIN + day * DAY + 12 * HOUR for day in (2, 5, 8)]
    overdue = play(Small(), ours(min_new_rows=9999, deadline_hours=72), policy="ours", terms=TERMS)
    assert [one.at for one in overdue.attempts] == [BEGIN + day * DAY + 12 * HOUR for day in (3, 7)]


def test_a_cool_down_ends_by_itself_in_a_simulation() -> None:
    played = play(Small(), ours(cool_down_seconds=2.5 * 86400), policy="ours", terms=TERMS)
    began = [one.at for one in played.attempts]
    assert began == [BEGIN + 12 * HOUR + place * timedelta(days=2.5) for place in range(4)]


def test_where_the_breaker_opens_a_person_looks_a_day_later() -> None:
    played = play(Small(), ours(breaker=2), policy="ours", terms=TERMS)
    assert [one.at for one in played.attempts][:3] == [
        BEGIN + 12 * HOUR,
        BEGIN + DAY + 12 * HOUR,
        BEGIN + 2 * DAY + 13 * HOUR,
    ]


def test_the_monitor_alone_is_heard_above_its_limit() -> None:
    reports = tuple(Signal(BEGIN + day * DAY, "report", number=0.1 * day, name=f"r{day}") for day in range(10))
    past = replace(Small(), signals=tuple(sorted((*Small().signals, *reports), key=lambda one: one.at)))
    played = play(past, AtLimit(0.65), policy="PSI", terms=TERMS)
    assert [one.at for one in played.attempts] == [BEGIN + day * DAY for day in (7, 8, 9)]
    twice = ours(on=("drift",), drift_limit=0.65, drift_alarms=2, drift_of=3)
    assert [one.at for one in play(past, twice, policy="ours", terms=TERMS).attempts] == [BEGIN + 8 * DAY]


# Made-up pasts


def test_what_is_true_of_a_made_up_past_is_known() -> None:
    sudden = next(past for past in synthetic.pasts() if past.name == "sudden")
    before, after = Trained(BEGIN - 59 * DAY, 0), sudden.begin + timedelta(days=60)
    assert sudden.changes == (sudden.begin + timedelta(days=30), sudden.begin + timedelta(days=75))
    assert sudden.loss(Trained(sudden.begin, 0), sudden.begin + timedelta(days=29)) == 0
    assert sudden.loss(Trained(sudden.begin, 0), after) == 1
    assert sudden.loss(Trained(after, 0), after) == 0
    assert before.files == 0


def test_a_made_up_past_brings_the_same_luck_to_everybody() -> None:
    one, two = (next(past for past in synthetic.pasts(seed=7) if past.name == "hidden") for _ in range(2))
    reports = [signal for signal in one.signals if signal.kind == "report"][:5]
    champion = Trained(one.begin, 0)
    assert [one.seen_by_monitor(r, champion) for r in reports] == [two.seen_by_monitor(r, champion) for r in reports]
    assert all(0 < one.seen_by_monitor(report, champion) < 0.1 for report in reports)


def test_equal_models_pass_the_gate_about_as_often_as_it_promises() -> None:
    """One-sided 95 %: of 400 candidates that are no better about 20 pass, at most 33 within three standard errors."""
    nothing = next(past for past in synthetic.pasts() if past.name == "nothing")
    champion = Trained(nothing.begin, 0)
    passed = sum(nothing.passes(Trained(nothing.begin + hour * HOUR, 0), champion) for hour in range(400))
    assert 5 <= passed <= 33


def test_what_a_monitor_does_not_alert_of_is_a_cause_only_for_rules_with_a_limit_of_their_own() -> None:
    reports = tuple(Signal(BEGIN + day * DAY, "report", number=0.1 * day, name=f"r{day}") for day in range(10))
    past = replace(Small(), signals=(*Small().signals[:1], *reports[1:]))
    spec = load_spec(spec_text())

    def days(**retrain: object) -> list[int]:
        rules = replace(spec.retrain, drift_repeats=9, **retrain)
        policy = OurPolicy(replace(spec, retrain=rules), BEGIN, alerts_from=0.65)
        return [(one.at - BEGIN).days for one in play(past, policy, policy="ours", terms=TERMS).attempts]

    assert days() == [0, 7, 8, 9]
    assert days(drift_limit=0.85) == [0, 9]


def test_what_a_model_yaml_without_retrain_does_costs_less_than_the_common_rules() -> None:
    """One past that no monitor sees, one that fools it, and one in which nothing happens; `tests.policies` plays all."""
    chosen = [past for past in synthetic.pasts() if past.name in ("hidden", "weekly", "nothing")]
    spec, terms = of_folder(FOLDER), Terms()
    assert spec.retrain == Retrain()

    def cost(make: Callable[[synthetic.Synthetic], Decider]) -> float:
        return sum(play(past, make(past), policy="one", terms=terms).cost(terms) for past in chosen)

    ours = cost(lambda past: OurPolicy(spec, past.begin, past.alerts_from))
    assert ours < cost(lambda past: EveryDay(past.begin))
    assert ours < cost(lambda past: AtLimit(0.2))


def test_the_page_says_that_the_default_is_cheaper_at_each_price_of_all_pasts_together() -> None:
    page = (FOLDER.parents[1] / "docs/retraining.md").read_text()
    lines = page[page.index("| a minute costs | default | recommended | every day | every drop | PSI > 0.2 |") :]
    rows = [[float(cell.strip(" *")) for cell in line.strip("|").split("|")] for line in lines.splitlines()[2:5]]
    assert [row[0] for row in rows] == [0.05, 0.5, 5]
    assert all(row[1] < min(row[3:]) for row in rows)


# A real journal


def test_a_journal_is_read_as_a_past(world: World) -> None:
    world.go_live()
    world.now += DAY
    world.trainer.script["judge"] = evidence(3000.0, 3000.0, lower=-5.0)
    world.drop("more rows")
    world.drift()
    world.settle()
    world.now += DAY
    world.go_live("best rows", judged=evidence(2500.0, 3000.0))
    past = history.read("m", [journal.read(line) for line in world.app.book.journal("m")])
    assert past is not None
    assert [signal.kind for signal in past.signals] == ["file", "report", "file", "file"] or [
        signal.kind for signal in past.signals
    ] == ["file", "file", "report", "file"]
    assert [proof.files for proof in past.proofs] == [1, 3]
    first, second = Trained(past.begin, 1), Trained(past.end, 3)
    assert (past.loss(first, past.end), past.loss(second, past.end)) == (1.0, 0.0)
    assert past.passes(second, first)
    assert not past.passes(Trained(past.end, 2), first)
    played = play(past, EveryDrop(), policy="every drop", terms=Terms(minutes=1))
    assert len(played.attempts) == 3 or len(played.attempts) == 2
    assert Attempt in {type(one) for one in played.attempts}


def test_an_empty_journal_has_no_past() -> None:
    assert history.read("m", []) is None


# The command


@pytest.mark.long
def test_a_made_up_past_is_played_by_the_command_with_a_picture(tmp_path: Path) -> None:
    picture_file = tmp_path / "whatif.svg"
    words = ["diabetes", "--synthetic", "--past", "hidden", "--policy", "recommended", "--json"]
    ran = CliRunner().invoke(simulate, [*words, "--picture", str(picture_file)])
    (past,) = json.loads(ran.stdout)["pasts"]
    assert past["past"] == "Two sudden changes of the target alone, which no monitor sees"
    costs = {one["policy"]: one["cost"] for one in past["policies"]}
    assert list(costs) == ["as it is", "recommended", "every day", "every drop", "PSI > 0.2"]
    assert costs["recommended"] == min(costs.values())
    assert ElementTree.fromstring(picture_file.read_text()).tag.endswith("svg")


def test_a_made_up_past_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    ran = CliRunner().invoke(simulate, ["diabetes", "--synthetic", "--past", "wild"])
    assert isinstance(ran.exception, Permanent)
    assert "name one of nothing, sudden, hidden" in str(ran.exception)


# Policies from files


def test_the_recommended_policy_is_laid_over_a_models_rules() -> None:
    base, found = of_folder(FOLDER), with_policy(FOLDER, "recommended")
    assert (found.gates, found.train, found.data) == (base.gates, base.train, base.data)
    assert (found.retrain.drift_alarms, found.retrain.drift_of, found.retrain.drift_limit) == (2, 3, 0.2)


def test_a_policy_may_bring_its_batch_rule_and_nothing_else_of_data(tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    file.write_text("retrain: {on: [data], breaker: 3}\ndata: {batch: {files: 7}}\n")
    found = with_policy(FOLDER, str(file))
    assert (found.retrain.on, found.retrain.breaker, found.data.batch.files) == (("data",), 3, 7)
    assert found.data.key == of_folder(FOLDER).data.key


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gates: {floor: 1}", "new.yaml:1: gates is no part of a retraining policy"),
        ("retrain: {breaker: 0}", "new.yaml: retrain.breaker: found 0; right would be 1 or more"),
        ("retrain: [", "new.yaml is not YAML"),
        ("- 1", "new.yaml holds no entries"),
        ("data: {key: [A]}", "there is no entry batch"),
    ],
)
def test_a_file_that_is_no_policy_is_refused(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "new.yaml"
    file.write_text(text)
    with pytest.raises(SpecRefused) as refused:
        with_policy(FOLDER, str(file))
    assert says in refused.value.what


# The picture


def test_the_picture_has_a_row_for_each_policy_and_its_numbers() -> None:
    past = Small()
    played = [
        play(past, EveryDrop(), policy="every <drop>", terms=TERMS),
        play(past, ours(), policy="ours", terms=TERMS),
    ]
    drawn = picture(past, "A small past", played, TERMS)
    root = ElementTree.fromstring(drawn)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "every <drop>" in texts
    assert "10 trainings, 9 useless, 14 h stale, cost 328" in texts
    assert drawn.count("<circle") == 20
    both = ElementTree.fromstring(together([drawn, drawn]))
    assert len(list(both)) == 2
