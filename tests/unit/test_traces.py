"""One trace from the blob to production: through rows, runs and people, whatever comes twice or breaks off; and none if off."""

from __future__ import annotations

import dataclasses
import fcntl
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli import live_trace
from cli.main import main
from shared import approvals, events, log, wire
from shared.journaling.rebuild import rebuild
from shared.platforms.azureml_run import Job, given
from shared.platforms.port import TRACE_TAG, RunRequest
from shared.settings import LOCAL_WORKSPACE
from shared.traces import context
from shared.traces.lines import Lines, document, read
from shared.traces.port import Span
from shared.traces.sending import Sending
from tests.fakes.trapped import Call, Crash, Trap, trapped
from tests.world import World

TOPIC = "Microsoft.MachineLearningServices.RunCompleted"


@dataclass
class Heard:
    """A tracer that keeps what it is told."""

    spans: list[Span] = field(default_factory=list)
    is_on: bool = True

    def tell(self, span: Span) -> None:
        self.spans.append(span)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def traces(self) -> set[str]:
        return {context.trace_id(span.context) for span in self.spans}


class Wired(World):
    """Its platform tells of runs as Event Grid does, with the tags that they were started with."""

    def announce_runs(self) -> int:
        new = [run for run in self.trainer.started if run.run_id not in self.announced]
        for run in new:
            self.announced.add(run.run_id)
            self.app.intake.receive(self.completed(run.run_id))
        return len(new)

    def completed(self, run_id: str, **tags: str) -> wire.Delivered:
        told = next(dict(run.tags) for run in self.trainer.started if run.run_id == run_id) | tags
        subject = f"experiments/x/runs/{run_id}"
        return wire.Delivered(
            f"{run_id}-1", LOCAL_WORKSPACE, subject, TOPIC, self.now, {"runId": run_id, "runTags": told}
        )

    def decide(self, release: str, *, approve: bool = True, by: str = "operations", model: str = "m") -> None:
        """As the web API does it."""
        decision = self.decision(release, approve=approve, by=by)
        signed = approvals.sign(replace(decision, trace=self.release(release).trace), self.app.settings.approval_key)
        self.accept(model, signed)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def world(tmp_path: Path, heard: Heard) -> Wired:
    """A Baton with model `m` published, of which nothing was told before the test."""
    made = Wired(tmp_path, tracer=heard)
    made.publish()
    made.settle()
    heard.spans.clear()
    return made


def test_every_span_from_the_blob_to_production_is_of_one_trace(world: Wired, heard: Heard) -> None:
    release = world.go_live()
    told = {span.name for span in heard.spans}
    assert heard.traces() == {context.trace_id(world.release(release).trace)}
    assert told >= {
        "receive DataLanded",
        "decide DataLanded",
        "perform check_file",
        "decide FileAccepted",
        "release opened",
        "perform start_run",
        "receive RunChanged",
        "decide RunEnded",
        "training",
        "certifying",
        "awaiting approval",
        "receive ApprovalGiven",
        "decide ApprovalGiven",
        "perform set_traffic",
        "rolling out",
        "release",
    }


def test_each_span_has_an_id_of_its_own_and_a_parent_that_was_told(world: Wired, heard: Heard) -> None:
    """A tree with one root, the blob's arrival."""
    world.go_live()
    ids = [context.span_id(span.context) for span in heard.spans]
    assert len(set(ids)) == len(ids)
    assert {context.span_id(span.parent) for span in heard.spans if span.parent} <= set(ids)
    assert [span.name for span in heard.spans if not span.parent] == ["receive DataLanded"]


def test_the_trace_is_known_from_the_event_alone(world: Wired, heard: Heard) -> None:
    world.drop("rows")
    (first,) = heard.spans
    assert first.context == context.root("m", str(first.about["baton.event"]))


def test_a_redelivery_is_a_span_below_the_first_and_changes_no_row(world: Wired, heard: Heard) -> None:
    again = world.drop("rows")
    before = dict(world.table.rows)
    world.now += timedelta(seconds=1)
    world.app.intake.receive(replace(again, id="another delivery"))
    first, second = heard.spans
    assert second.name == "receive DataLanded again"
    assert second.parent == first.context
    assert world.table.rows == before


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["trainer.start", "endpoints.deploy", "registry.register", "endpoints.set_traffic"])
def test_what_is_done_again_after_a_crash_is_in_the_same_trace(
    world: Wired, heard: Heard, call: str, when: str
) -> None:
    crashed: list[str] = []

    def trap(at: str, made: Call) -> None:
        if (at, str(made)) == (when, call) and not crashed:
            crashed.append(call)
            raise Crash

    release = _live_through(world, trap)
    assert (crashed, world.release(release).state) == ([call], "live")
    assert heard.traces() == {context.trace_id(world.release(release).trace)}
    ids = Counter(span.context for span in heard.spans)
    assert [name for name, number in ids.items() if number > 1] == []


def _live_through(world: Wired, trap: Trap) -> str:
    """Go live with a process that ends where the trap says; the next one begins as soon as it does."""
    world.trap = trap
    world.drop("rows")
    decided = False
    for _ in range(60):
        try:
            world.settle()
            if world.states().get("m-0001") == "awaiting approval" and not decided:
                world.decide("m-0001")
                decided = True
        except Crash:
            world.restart()
        if world.states().get("m-0001") == "live":
            break
        world.now += timedelta(seconds=31)
    return "m-0001"


def test_a_decision_that_lost_a_race_is_told_once(world: Wired, heard: Heard) -> None:
    """By whoever won it."""
    world.drop("rows")
    faster, lost = world.worker(), list[str]()

    def meanwhile(when: str, call: Call) -> None:
        if (when, str(call)) == ("before", "table.write") and not lost:
            lost.append("a race")
            faster.fold.advance("m")

    world.worker(through=lambda role, port: trapped(port, role, meanwhile)).fold.advance("m")
    assert lost
    assert len(heard.named("decide DataLanded")) == 1


def test_a_second_file_of_the_batch_keeps_its_trace_and_is_linked_to_the_releases(tmp_path: Path, heard: Heard) -> None:
    world = Wired(tmp_path, tracer=heard)
    world.publish(files=2)
    world.settle()
    heard.spans.clear()
    world.drop("rows", name="a")
    world.settle()
    world.drop("more", name="b")
    world.settle()
    first, second = (span.context for span in heard.named("receive DataLanded"))
    release = world.release("m-0001")
    assert context.is_same(release.trace, first)
    assert not context.is_same(release.trace, second)
    joined = next(span for span in heard.named("decide FileAccepted") if context.is_same(span.context, second))
    assert release.trace in joined.links


def test_the_next_batch_begins_a_trace_of_its_own(world: Wired) -> None:
    world.go_live()
    world.drop("more rows")
    world.settle()
    assert not context.is_same(world.release("m-0002").trace, world.release("m-0001").trace)


def test_a_release_that_a_persons_request_opens_carries_on_that_requests_trace(world: Wired, heard: Heard) -> None:
    world.go_live()
    heard.spans.clear()
    world.ask(events.RetrainRequested)
    world.settle()
    (asked,) = heard.named("receive RetrainRequested")
    assert context.is_same(world.release("m-0002").trace, asked.context)


def test_a_version_that_somebody_registered_is_judged_in_that_events_trace(world: Wired, heard: Heard) -> None:
    """Also where it had to wait for the slot that another release was in."""
    world.drop("rows")
    world.until("training")
    world.register_by_hand()
    world.app.fold.advance("m")
    (registered,) = heard.named("receive ModelRegistered")
    world.settle()
    assert context.is_same(world.release("m-0002").trace, registered.context)


def test_a_deadline_is_decided_in_the_trace_of_what_waited(world: Wired, heard: Heard) -> None:
    world.drop("rows")
    world.settle()
    assert world.states() == {"m-0001": "awaiting approval"}
    world.wait(timedelta(hours=25), step=timedelta(hours=1))
    assert world.states() == {"m-0001": "expired"}
    release = world.release("m-0001")
    assert {context.is_same(span.context, release.trace) for span in heard.named("decide DeadlinePassed")} == {True}
    (whole,) = heard.named("release")
    assert (whole.began, whole.about["baton.state"]) == (release.opened_at, "expired")


def test_a_failed_effect_says_why(world: Wired, heard: Heard) -> None:
    world.trainer.busy = True
    world.drop("rows")
    world.settle()
    failed = [span for span in heard.spans if span.failed]
    assert {(span.name, span.failed) for span in failed} == {("perform start_run", "the platform does not answer")}


def test_a_run_is_told_its_place_in_the_trace(world: Wired) -> None:
    world.drop("rows")
    world.settle()
    release = world.release("m-0001")
    started = world.trainer.started[0]
    assert context.is_same(started.tags[TRACE_TAG], release.trace)
    assert started.environment() == {"TRACEPARENT": started.tags[TRACE_TAG]}


@pytest.mark.parametrize(
    "told", ["", "x", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "00-" + "1" * 32 + "\n" + "1" * 17]
)
def test_a_tag_that_is_no_trace_begins_one(world: Wired, heard: Heard, told: str) -> None:
    world.drop("rows")
    world.until("training")
    world.app.performer.perform("m")
    run = world.trainer.started[0].run_id
    heard.spans.clear()
    world.app.intake.receive(world.completed(run, **{TRACE_TAG: told}))
    (span,) = heard.spans
    assert span.parent == ""


def test_the_journal_folded_again_gives_the_rows_with_their_traces(world: Wired) -> None:
    release = world.go_live()
    head, opened, _ = rebuild("m", world.app.book.journal("m"), world.app.parts.rules)
    assert head is not None
    assert opened[release] == world.release(release)
    assert opened[release].trace
    assert replace(head, wake_at=None) == replace(world.head(), wake_at=None)


def _rows(world: World) -> dict[tuple[str, str], str]:
    return {key: text for key, (text, _) in world.table.rows.items()}


def test_where_nobody_listens_no_row_says_anything_of_a_trace(tmp_path: Path) -> None:
    world = Wired(tmp_path)
    world.publish()
    world.settle()
    world.go_live()
    assert [key for key, text in _rows(world).items() if '"trace"' in text or "baton.trace" in text] == []


def test_rows_differ_by_their_traces_alone(tmp_path: Path, heard: Heard) -> None:
    """What is decided and done does not depend on who listens."""
    silent, told = Wired(tmp_path / "a"), Wired(tmp_path / "b", tracer=heard)
    for world in (silent, told):
        world.publish()
        world.settle()
        world.go_live()
    assert _without_traces(_rows(told)) == _without_traces(_rows(silent))


HASHES = (
    "mac",
    "line_hash",
    "prev",
    "journal",
    "certificate",
    "signature",
    "evidence",
    "nonce",
    "report",
    "sha256",
    "verdict",
    "hash",
)


def _without_traces(rows: dict[tuple[str, str], str]) -> dict[tuple[str, str], Any]:
    """The rows as values, without traces and without what is the hash of a text that holds one."""

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: stripped(item) for name, item in value.items() if name != "trace" and name not in HASHES}
        return [stripped(item) for item in value] if isinstance(value, list) else value

    return {key: stripped(json.loads(text)) for key, text in rows.items()}


def test_storage_is_called_as_often_with_traces_as_without(tmp_path: Path, heard: Heard) -> None:
    counts = []
    for name, tracer in (("a", None), ("b", heard)):
        calls: Counter[str] = Counter()
        world = Wired(tmp_path / name, **({"tracer": tracer} if tracer else {}))
        world.trap = lambda when, call, calls=calls: calls.update([str(call)] if when == "before" else [])
        world.publish()
        world.settle()
        world.go_live()
        counts.append(calls)
    assert counts[0] == counts[1]


def test_a_context_that_arrives_with_tracing_off_is_not_kept(tmp_path: Path) -> None:
    world = Wired(tmp_path)
    world.publish()
    world.settle()
    world.drop("rows")
    world.until("training")
    world.app.performer.perform("m")
    run = world.trainer.started[0].run_id
    world.app.intake.receive(world.completed(run, **{TRACE_TAG: context.root("m", "x")}))
    assert [text for text in _rows(world).values() if '"trace"' in text] == []


# Out of the process


def _span(number: int = 1, **fields: Any) -> Span:
    from tests.world import BEGIN

    own = context.root("m", str(number))
    return Span(f"span {number}", own, "", BEGIN, BEGIN + timedelta(seconds=1), **fields)


def test_a_line_is_as_opentelemetry_writes_a_span() -> None:
    """Its own SDK's `to_json`, of the same span."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

    def ids(of: str) -> SpanContext:
        return SpanContext(
            int(context.trace_id(of), 16), int(context.span_id(of), 16), is_remote=False, trace_flags=TraceFlags(1)
        )

    parent, link = context.root("m", "parent"), context.root("m", "link")
    ours = replace(_span(failed="it broke", about={"baton.model": "m", "baton.tries": 2}, links=(link,)), parent=parent)
    theirs = ReadableSpan(
        ours.name,
        ids(ours.context),
        parent=ids(parent),
        kind=SpanKind.INTERNAL,
        resource=Resource({"service.name": "baton"}),
        attributes=dict(ours.about),
        links=[Link(ids(link))],
        status=Status(StatusCode.ERROR, "it broke"),
        start_time=int(ours.began.timestamp()) * 10**9,
        end_time=int(ours.ended.timestamp()) * 10**9,
    )
    assert document(ours) == json.loads(theirs.to_json())


def test_spans_are_read_back_from_the_file_and_from_the_one_before(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "traces.jsonl", largest=400)
    for number in range(3):
        lines.export([_span(number)])
    with lines.file.open("a") as file:
        file.write('{"name": "half of a li')
    assert [span["name"] for span in read(lines.file)][-2:] == ["span 1", "span 2"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_line_that_a_process_did_not_end_costs_no_other(tmp_path: Path) -> None:
    """It was killed, or the disk was full."""
    lines = Lines(tmp_path / "traces.jsonl")
    lines.export([_span(1)])
    with lines.file.open("a") as file:
        file.write('{"name": "half of a li')
    lines.export([_span(2), _span(3)])
    assert [span["name"] for span in read(lines.file)] == ["span 1", "span 2", "span 3"]


def test_a_full_file_is_put_aside_by_one_process_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another that found it full too must not put the next one in its place."""
    lines = Lines(tmp_path / "traces.jsonl", largest=400)
    lines.export([_span(1)])
    put_aside, seen = Path.replace, list[str]()

    def replace_held(self: Path, target: Path) -> Path:
        with self.open("ab") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        seen.append(self.name)
        return put_aside(self, target)

    monkeypatch.setattr(Path, "replace", replace_held)
    lines.export([_span(2)])
    assert seen == ["traces.jsonl"]
    assert [span["name"] for span in read(lines.file)] == ["span 1", "span 2"]


def test_who_waited_for_a_full_file_writes_to_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, hold, others = tmp_path / "traces.jsonl", fcntl.flock, [_span(2)]
    Lines(file).export([_span(1)])

    def hold_after_another(opened: Any, how: int) -> None:
        if others:
            Lines(file, largest=400).export([others.pop()])
        hold(opened, how)

    monkeypatch.setattr(fcntl, "flock", hold_after_another)
    Lines(file, largest=400).export([_span(3)])
    told = {one.name: [span["name"] for span in map(json.loads, one.open())] for one in tmp_path.iterdir()}
    assert told == {"traces.jsonl": ["span 3"], "traces.jsonl.1": ["span 2"]}


def test_an_exporter_that_fails_costs_its_spans_which_are_counted_and_told_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]

    def refuse(spans: object) -> None:
        raise OSError("no room on the disk")

    sending = Sending(refuse, monotonic=lambda: now[0])
    for number in range(3):
        sending.tell(_span(number))
        assert sending.flush(60)
    assert sending.lost == 3
    log.say_kept()
    assert [line for line in caplog.messages if line.startswith("spans lost")] == [
        'spans lost  count=1 why="OSError: no room on the disk" next="docs/runbook.md#traces"'
    ]
    now[0] = 61.0
    sending.tell(_span(4))
    assert sending.flush(60)
    log.say_kept()
    assert "count=3" in caplog.messages[-1]


def test_an_exporter_that_hangs_holds_nobody_up() -> None:
    """What has no room is lost."""
    import threading

    going_on, begun = threading.Event(), threading.Event()

    def hang(spans: object) -> None:
        begun.set()
        going_on.wait()

    sending = Sending(hang, room=10)
    sending.tell(_span())
    begun.wait()
    for number in range(30):
        sending.tell(_span(number))
    assert sending.lost == 20
    going_on.set()
    assert sending.flush(60)


def test_an_effect_is_done_once_where_no_thread_is_to_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The spans are lost, with the reason; those after them are sent once there is a thread again."""
    import threading

    told: list[Span] = []
    world = Wired(tmp_path, tracer=(sending := Sending(told.extend)))
    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", _no_thread)
        world.publish()
        world.drop("rows")
        world.settle()
    assert [run.step for run in world.trainer.started][:1] == ["train"]
    assert world.states() == {"m-0001": "awaiting approval"}
    assert sending.lost > 0
    log.say_kept()
    assert "RuntimeError: can't start new thread" in next(line for line in caplog.messages if "spans lost" in line)
    sending.tell(_span())
    assert sending.flush(60)
    assert [span.name for span in told] == ["span 1"]


ENDS = """
import sys, threading
from datetime import UTC, datetime
from shared.traces import context, sending
from shared.traces.port import Span

def export(spans):
    {export}

sending.AT_THE_END_SECONDS = 0.1
out = sending.Sending(export)
for number in range(3):
    out.tell(Span(str(number), context.root("m", str(number)), "", datetime.now(UTC), datetime.now(UTC)))
    {then}
"""


@pytest.mark.parametrize(
    ("export", "then", "said"),
    [
        ("raise OSError('full')", "out.flush(60)", ["count=1 why=OSError: full", "count=2 why=OSError: full"]),
        ("threading.Event().wait()", "", ["count=3 why=not out 0.1 s after the process began to end"]),
        ("sys.stdout.write('o' * len(spans))", "", []),
    ],
    ids=["refused", "hangs", "takes all"],
)
def test_a_process_that_ends_says_which_spans_it_lost(export: str, then: str, said: list[str]) -> None:
    """Also those that were lost within the minute after the last such line."""
    import subprocess
    import sys

    program = ENDS.format(export=export, then=then)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    lost = [line.replace('"', "").split("  ")[1] for line in ended.stderr.splitlines() if "spans lost" in line]
    assert [line.removesuffix(" next=docs/runbook.md#traces") for line in lost] == said
    assert ended.stdout == ("" if said else "ooo")


def _no_thread(thread: object) -> None:
    raise RuntimeError("can't start new thread")


def test_a_release_goes_live_while_every_span_is_refused(tmp_path: Path) -> None:
    def refuse(spans: object) -> None:
        raise RuntimeError("never")

    world = Wired(tmp_path, tracer=Sending(refuse))
    world.publish()
    world.settle()
    assert world.release(world.go_live()).state == "live"


# What a person sees of it


def test_the_file_of_a_release_is_told_as_a_tree_from_the_blob_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = Sending(Lines(tmp_path / "traces.jsonl").export)
    world = Wired(tmp_path, tracer=sending)
    world.publish()
    world.settle()
    world.go_live()
    assert sending.flush(60)
    monkeypatch.setenv("BATON_HOME", str(tmp_path))
    answer = CliRunner().invoke(main, ["trace", "m-0001", "--live"])
    lines = answer.output.splitlines()
    assert lines[0].split(None, 4)[-1] == "receive DataLanded"
    assert [
        line for line in lines if line.endswith(("release opened", "perform start_run", "  release", "rolling out"))
    ]
    assert len(lines) == len(list(live_trace.spans(tmp_path, "m-0001")))


def test_the_live_trace_written_to_a_file_is_told_as_json_where_json_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_HOME", str(tmp_path))
    Lines(tmp_path / "traces.jsonl").export(
        [replace(_span(), name="release opened", about={"baton.release": "m-0001"})]
    )
    file = tmp_path / "out.jsonl"
    answer = CliRunner().invoke(main, ["trace", "m-0001", "--live", "--out", str(file), "--json"])
    name = context.trace_id(context.root("m", "1"))
    assert json.loads(answer.output) == {"trace": name, "spans": 1, "file": str(file)}
    assert json.loads(file.read_text())["context"]["trace_id"] == f"0x{name}"


def test_a_release_of_which_no_span_was_kept_is_told_with_where_else_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_HOME", str(tmp_path))
    with pytest.raises(live_trace.NothingTraced, match=r"has no span of m-0001(.|\n)*docs/azure.md#traces"):
        live_trace.spans(tmp_path, "m-0001")


def test_a_span_whose_parent_was_lost_stands_at_the_margin() -> None:
    lost = replace(_span(2), parent=context.root("m", "lost"))
    assert [line[22:] for line in live_trace.tree([document(_span(1)), document(lost)])] == ["span 1", "span 2"]


def test_a_run_on_azure_ml_has_its_place_in_the_trace_in_its_environment() -> None:
    request = RunRequest("m-0001-t-1", "m", "train", "f", tags={TRACE_TAG: context.root("m", "x")})
    job = Job(**{entry.name: {} for entry in dataclasses.fields(Job)})
    assert given(job, request, image="i")["TRACEPARENT"] == context.root("m", "x")
    assert "TRACEPARENT" not in given(job, replace(request, tags={}), image="i")
