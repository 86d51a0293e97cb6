"""Latency under a steady pace of requests."""

import time

from shared.runs.latency import measure
from shared.runs.server import Answer


def test_nothing_to_ask_is_no_measurement():
    assert measure([], lambda body: Answer(200, "", 0.0)) == {"requests": 0, "errors": 0}


def test_every_request_that_is_answered_is_counted():
    told = measure([b"a", b"b"], lambda body: Answer(200, "", 0.0001))

    assert (told["requests"], told["errors"], told["interval_ms"]) == (100, 0, 2.0)


def test_an_error_is_no_fast_answer():
    told = measure([b"a", b"b"], lambda body: Answer(200 if body == b"a" else 500, "", 0.0001))

    assert (told["requests"], told["errors"]) == (50, 50)


def test_a_stall_counts_for_all_requests_that_were_due_in_it():
    asked = []

    def stalls_once(body):
        asked.append(body)
        if len(asked) == 20:
            time.sleep(0.1)  # the stall itself: 50 requests of 2 ms are due in it
        return Answer(200, "", 0.0001)

    told = measure([b"a"], stalls_once)

    assert told["max"] >= 100
    assert told["p95"] >= 50


def test_a_slow_model_is_asked_less_often_but_enough():
    told = measure([b"a"], lambda body: Answer(200, "", 0.001 if len(body) else 0.0))

    assert told["requests"] >= 59
