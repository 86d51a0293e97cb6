"""From a basket to an opened release: what the policy allows, or why and until when the causes wait."""

from __future__ import annotations

from dataclasses import replace

from shared import policy
from shared.folding.turn import Turn
from shared.moves import building
from shared.moves.basket import ADOPTED
from shared.names import digest
from shared.retraining import batches, spending
from shared.state import Basket, Cause
from shared.traces import context

TRAINED_KEPT = 20
OPENED_KEPT = 60


def open_next(turn: Turn) -> None:
    """If the building slot is free, open what the basket allows; otherwise remember why and until when it waits."""
    if turn.head.building:
        return
    causes = turn.head.basket.causes
    adopted = next((cause for cause in causes if cause.kind in ADOPTED), None)
    budget = policy.within_budget(turn.spec.retrain, turn.head, turn.now)
    if adopted is None or (not budget.go and any(cause.kind == "request" for cause in causes)):
        _open_training(turn, turn.head.basket)
    elif budget.go:
        _open_adopted(turn, adopted)
        open_next(turn)
    else:
        _wait(turn, budget, turn.head.basket.causes)


def _open_adopted(turn: Turn, cause: Cause) -> None:
    rest = tuple(other for other in turn.head.basket.causes if other is not cause)
    turn.set_head(basket=replace(turn.head.basket, causes=rest))
    if turn.head.next_file == 1:
        why = f"{cause.kind} {cause.detail} cannot be judged: no data was accepted yet"
        turn.note("cause dropped", why=why, next="drop data, then register the version again", level="warning")
        return
    _count(turn)
    fields = {"version": cause.detail} if cause.kind == "registered" else {"train_run": cause.detail}
    building.open_judging(turn, (cause,), trace=_trace_of(turn, cause), **fields)


def _open_training(turn: Turn, basket: Basket) -> None:
    files = turn.head.next_file - basket.first_file
    checking = turn.head.appointments.checking
    if not files and not checking:  # all that the marker closed were refused
        basket = replace(basket, closed_by="", closed_at=None)
    batch = policy.batch_ready(turn.spec.data.batch, batches.Filled(basket, files, checking), turn.now)
    causes = tuple(cause for cause in basket.causes if cause.kind not in ADOPTED)
    pin = turn.head.pinned if causes else ""  # new data is never the cause of a release that does not read it
    if batch.go and not pin:
        causes = (*causes, Cause("data", f"file-{turn.head.next_file - 1}", turn.now, batch.why, files))
    if not causes:
        _wait(turn, batch, causes)
        return
    input_print = digest(f"{turn.head.folder}:{pin or turn.head.next_file - 1}")[:16]
    answer = policy.should_retrain(
        turn.spec.retrain,
        turn.head,
        causes,
        input_print=input_print,
        run_seconds=turn.spec.train.machine_minutes * 60,
        now=turn.now,
    )
    if answer.go:
        _train(turn, basket, causes, input_print, answer.why, is_pinned=bool(pin))
    else:
        _wait(turn, answer, causes)


def _train(
    turn: Turn, basket: Basket, causes: tuple[Cause, ...], input_print: str, why: str, *, is_pinned: bool
) -> None:
    """Open the release: the basket is empty after it, but for adopted work, and the accounts have it."""
    adopted = tuple(cause for cause in basket.causes if cause.kind in ADOPTED)
    trace = _trace_of(turn, causes[0]) if is_pinned else basket.trace or turn.trace
    depth = policy.depth_of(turn.head, causes, input_print)
    turn.set_head(
        basket=replace(basket, causes=adopted) if is_pinned else Basket(first_file=turn.head.next_file, causes=adopted),
        trained=(*turn.head.trained, input_print)[-TRAINED_KEPT:],
        last_print=input_print,
        last_depth=depth,
    )
    _count(turn)
    traced = {"input_print": input_print, "depth": depth}
    building.open_training(
        turn, causes, first_new_file=basket.first_file, why=why, pinned=is_pinned, trace=trace, traced=traced
    )


def _trace_of(turn: Turn, cause: Cause) -> str:
    """The context of the event that a cause came with."""
    return context.root(turn.head.model, cause.event) if turn.trace else ""


def _count(turn: Turn) -> None:
    """One more release counts against the budgets."""
    turn.set_head(
        opened=(*turn.head.opened, turn.now)[-OPENED_KEPT:],
        spent=spending.added(turn.head.spent, turn.now, releases=1),
    )


def _wait(turn: Turn, answer: policy.Answer, causes: tuple[Cause, ...]) -> None:
    basket = replace(turn.head.basket, look_at=answer.until)
    if answer.drop:
        named = ", ".join(f"{cause.kind} ({cause.detail})" for cause in basket.causes) or "data"
        turn.note(
            "not retrained",
            rule=answer.rule,
            why=f"{named}: {answer.why}",
            numbers=answer.numbers,
            next=_next(turn, answer),
            passes=answer.passes,
            level="warning" if answer.rule in policy.SUSPICIOUS else "info",
        )
        basket = replace(basket, causes=tuple(cause for cause in basket.causes if cause.kind in ADOPTED))
    elif answer.why != basket.refused_why and causes:
        turn.note(
            "retrain waits",
            rule=answer.rule,
            why=answer.why,
            numbers=answer.numbers,
            next=_next(turn, answer),
            passes=answer.passes,
        )
    turn.set_head(basket=replace(basket, refused_why=answer.why))


def _next(turn: Turn, answer: policy.Answer) -> str:
    """What a person can do where waiting does not help, or where it is suspicious."""
    if answer.rule in policy.SUSPICIOUS:
        return f"docs/retraining.md#{answer.rule}"
    return f"baton retrain {turn.head.model} --why ... goes past it" if answer.until is None and not answer.drop else ""
