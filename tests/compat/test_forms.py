"""What is stored has a version: a form that changed says so, yesterday's is read, tomorrow's is left alone."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path

import pytest

from shared import events, state
from shared.errors import NewerForm
from shared.journaling import journal
from shared.table import forms
from tests.compat.forms import COMMAND, every_row, fingerprint, record, recorded
from tests.compat.old import OldWorld
from tests.compat.released import released
from tests.world import World

NEWER = forms.V + 1


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A Baton in memory with model `m` published."""
    made = World(tmp_path)
    made.publish()
    made.settle()
    return made


def test_a_form_that_changed_has_a_new_version_or_is_recorded_before_its_release() -> None:
    known = recorded()[str(forms.V)]
    now = fingerprint()
    changed = [name for name in now if now[name] != known[name]]
    todo = (
        f"raise V in shared/table/forms.py and add the step from {forms.V}"
        if known["released"]
        else f"give a new field a default, then run: {COMMAND}"
    )
    assert not changed, f"the stored forms of {known['release']} changed in {changed}. Next: {todo}"


def test_what_is_recorded_of_0_1_0_is_what_its_code_writes() -> None:
    known = {name: forms for name, forms in recorded()["1"].items() if name not in ("release", "released")}
    assert fingerprint(OldWorld, released) == known


PARENTS = {"PersonEvent", "Outcome"}  # 0.1.0 listed them among its kinds, but nothing of these was ever written


def test_a_new_field_has_a_default_so_that_the_row_before_it_is_read() -> None:
    """What 0.1.0 did not write may be missing in what is read."""
    first, now = recorded()["1"], fingerprint()
    for group in ("values", "events"):
        for name in first[group].keys() - PARENTS:
            fields = first[group][name]
            added = now[group][name].keys() - fields.keys()
            assert all(" = " in now[group][name][field] for field in added), (name, added)


def test_a_released_form_cannot_be_recorded_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = {str(forms.V): {"release": "0.2.0", "released": True, "values": {}}}
    file = tmp_path / "forms.json"
    file.write_text(json.dumps(known))
    with pytest.raises(SystemExit, match="was released as 0.2.0 and cannot change"):
        record(file)
    assert json.loads(file.read_text()) == known


def test_every_version_up_to_ours_has_its_step_its_release_and_its_forms() -> None:
    before = list(range(1, forms.V))
    assert sorted(forms.STEPS) == before
    assert sorted(forms.RELEASES) == [*before, forms.V]
    assert [recorded()[str(v)]["released"] for v in before] == [True for _ in before]
    assert {v: entry["release"] for v, entry in recorded().items()} == {str(v): n for v, n in forms.RELEASES.items()}


def test_every_row_that_is_written_carries_our_version(tmp_path: Path) -> None:
    """Of every kind, and the events and commands inside too."""
    for partition, key, text in every_row(tmp_path):
        row = json.loads(text)
        assert row["v"] == forms.V, (partition, key)
        inside = [row[name] for name in ("event", "command") if isinstance(row.get(name), dict)]
        assert [part["v"] for part in inside] == [forms.V] * len(inside), (partition, key)


def test_a_row_of_0_1_0_is_read_as_what_it_said() -> None:
    """Rows as 0.1.0 wrote them, by hand."""
    head = state.loads(state.Head, '{"v":1,"model":"m","folder":"f","author":"a","next_release":3,"basket":{"rows":7}}')
    assert head == state.Head("m", "f", "a", next_release=3, basket=state.Basket(rows=7))
    row = forms.read("waiting", '{"event":{"kind":"PauseRequested"},"tries":2}')
    assert (row["event"], row["tries"]) == ({"kind": "PauseRequested"}, 2)
    assert forms.read("model", "{}") == {"v": forms.V}


def test_a_step_leaves_what_it_was_given_as_it_was() -> None:
    before = {"v": 1, "model": "m"}
    forms.upgraded("head", before)
    assert before == {"v": 1, "model": "m"}


@pytest.mark.parametrize("kind", [state.Head, state.Release, state.Command, state.AcceptedFile])
def test_a_value_of_a_newer_release_is_not_read(kind: type[state.Head]) -> None:
    with pytest.raises(NewerForm, match=f"has form {NEWER}, this code knows forms up to {forms.V}"):
        state.loads(kind, json.dumps({"v": NEWER}))


def test_an_event_and_a_line_of_a_newer_release_are_not_read() -> None:
    with pytest.raises(NewerForm):
        events.load({"kind": "PauseRequested", "v": NEWER})
    with pytest.raises(NewerForm):
        journal.read(json.dumps({"v": NEWER, "n": 1, "prev": ""}))


def _written_by_newer_code(world: World, prefix: str) -> dict[tuple[str, str], tuple[str, int]]:
    """Turn the model's rows under a prefix into rows of the next release; returns all rows."""
    for (partition, key), (text, etag) in list(world.table.rows.items()):
        if partition == "m" and key.startswith(prefix):
            world.table.rows[(partition, key)] = (json.dumps({**json.loads(text), "v": NEWER}), etag)
    return dict(world.table.rows)


@pytest.mark.parametrize("prefix", ["!0head", "!1open:"])
def test_a_model_that_newer_code_wrote_is_left_alone_until_that_code_comes(world: World, prefix: str) -> None:
    world.drop("rows")
    world.settle()
    world.drop("more")
    before = _written_by_newer_code(world, prefix)
    world.now += timedelta(hours=30)
    for _ in range(6):
        with pytest.raises(NewerForm):
            world.app.fold.advance("m")
    assert world.table.rows == before


def test_an_early_event_of_newer_code_is_left_alone(world: World) -> None:
    world.drop("rows")
    world.until("registering")
    world.registry.busy = True
    world.settle()
    world.register_by_hand()
    world.settle()
    assert world.head().early == 1
    before = _written_by_newer_code(world, "!4early:")
    theirs = [key for key in before if key[1].startswith("!4early:")]
    world.now += timedelta(hours=2)
    world.settle()
    assert {key: world.table.rows[key] for key in theirs} == {key: before[key] for key in theirs}
    assert (world.head().early, world.head().dead) == (1, 0)


def test_an_event_of_newer_code_is_left_in_the_inbox_and_the_others_are_decided(world: World) -> None:
    world.drop("rows")
    before = _written_by_newer_code(world, "!2in:")
    theirs = [key for key in before if key[1].startswith("!2in:")]
    assert theirs
    world.drop("more")
    world.settle()
    assert {key: world.table.rows[key] for key in theirs} == {key: before[key] for key in theirs}
    assert world.head().next_file == 2


def test_a_command_of_newer_code_is_left_in_the_outbox_and_the_others_are_done(world: World) -> None:
    world.drop("rows")
    world.app.fold.advance("m")
    before = _written_by_newer_code(world, "!3out:")
    theirs = [key for key in before if key[1].startswith("!3out:")]
    assert theirs
    world.drop("more")
    world.settle()
    assert {key: world.table.rows[key] for key in theirs} == {key: before[key] for key in theirs}
    assert "m-0001" in world.states()


def test_no_command_is_done_while_the_head_is_of_newer_code(world: World) -> None:
    world.drop("rows")
    world.app.fold.advance("m")
    before = _written_by_newer_code(world, "!0head")
    with pytest.raises(NewerForm):
        world.app.performer.perform("m")
    assert world.table.rows == before


def test_an_effect_that_meets_a_newer_row_counts_no_try(world: World) -> None:
    """The head is ours when the command is claimed; what the effect then reads is not."""
    world.trainer.script.pop("train")
    world.drop("rows")
    world.settle()
    before = _written_by_newer_code(world, "!1open:")
    world.now += timedelta(minutes=5)
    with pytest.raises(NewerForm):
        world.app.performer.perform("m")
    after = {key: row for key, row in world.table.rows.items() if row != before[key]}
    assert [json.loads(text)["tries"] for text, _ in after.values()] == [0]


def test_the_sweep_rings_for_a_model_of_newer_code_so_that_a_worker_of_it_comes(world: World) -> None:
    world.app.sweeper.sweep()
    _written_by_newer_code(world, "!0head")
    world.bells.rung.clear()
    world.now += timedelta(minutes=1)
    assert world.app.sweeper.sweep() == 1
    assert [(queue, model) for queue, model, _ in world.bells.rung] == [("advance", "m"), ("perform", "m")]


def test_a_ring_for_a_model_of_newer_code_is_answered_and_rings_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It fails not, or the host would take the model for a poison, and rings not, or an old worker would ring for ever."""
    world.drop("rows")
    world.app.fold.advance("m")
    before = _written_by_newer_code(world, "!0head")
    world.bells.rung.clear()
    world.app.doors.advance("m")
    world.app.doors.perform("m")
    assert (world.table.rows, world.bells.rung) == (before, [])
    assert sum("docs/runbook.md#upgrade" in line for line in caplog.messages) == 2


def test_an_event_is_recorded_for_a_model_of_newer_code(world: World) -> None:
    """Nothing is lost while the model waits for a worker that knows it."""
    _written_by_newer_code(world, "!0head")
    world.drop("rows")
    assert len(world.table.page("m", "!2in:", "!3", 10)) == 1


def test_dead_letters_of_newer_code_are_shown_as_they_stand_there(world: World) -> None:
    world.app.book.bury("m", "poison-advance", {"kind": "poison", "why": "failed every time"})
    _written_by_newer_code(world, "dead:")
    ((_, shown),) = world.app.book.dead("m")
    assert (shown["why"], shown["v"]) == ("failed every time", NEWER)


def test_code_of_0_1_0_cannot_read_a_head_of_ours() -> None:
    """0.1.0 makes a head of the keys that it finds at the top of the row, and misses the three that it cannot do without."""
    stored = json.loads(state.dumps(state.Head("m", "f", "a")))
    needed = {entry.name for entry in dataclasses.fields(state.Head) if entry.default is dataclasses.MISSING}
    assert not needed & stored.keys()
