"""One worker a model, urgent ones first."""

from __future__ import annotations

import threading
import time

import pytest

from shared.folding.turnstile import Turnstile


def waiting(turnstile: Turnstile, model: str) -> int:
    return len(turnstile._waiting.get(model, ()))


def test_those_who_wait_come_in_by_urgency_then_in_their_order() -> None:
    turnstile, came = Turnstile(), []

    def work(name: str, urgency: int) -> None:
        with turnstile.turn("m", urgency):
            came.append(name)

    wanted = [("check", 6), ("second check", 6), ("roll-back", 0), ("events", 5)]
    threads = [threading.Thread(target=work, args=one) for one in wanted]
    with turnstile.turn("m", 5):
        for number, thread in enumerate(threads, 1):
            thread.start()
            while waiting(turnstile, "m") < number:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert came == ["roll-back", "events", "check", "second check"]


def test_another_model_need_not_wait() -> None:
    turnstile = Turnstile()
    with turnstile.turn("a", 5), turnstile.turn("b", 5):
        assert waiting(turnstile, "b") == 0


def test_an_error_inside_gives_the_turn_back_and_nothing_is_remembered() -> None:
    turnstile = Turnstile()
    with pytest.raises(ValueError, match="inside"), turnstile.turn("m", 5):
        raise ValueError("inside")
    with turnstile.turn("m", 5):
        pass
    assert not turnstile._busy
    assert not turnstile._waiting


def test_of_very_many_at_once_there_is_never_more_than_one() -> None:
    turnstile, inside, most = Turnstile(), 0, 0

    def work(urgency: int) -> None:
        nonlocal inside, most
        for _ in range(200):
            with turnstile.turn("m", urgency):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, inside) == (1, 0)
