"""Latency at a fixed arrival rate: what a stall costs, how sure a percentile is, and what happens past saturation."""

import threading
import time

import pytest

from shared.runs.latency import measure, overload, service_seconds
from shared.runs.order_statistics import ranks, upper_rank
from shared.runs.server import Answer
from shared.spec import Load

QUICK = Load(requests=100, per_second=500)


def measured(bodies, ask, load=QUICK):
    return measure(bodies, ask, load, service=0.001)


def test_nothing_to_ask_is_no_measurement():
    assert measured([], lambda body: Answer(200, "", 0.0)) == {"requests": 0, "errors": 0}
    assert overload([], lambda body: Answer(200, "", 0.0), service=0.001)["recovered"] is False


def test_every_request_that_is_answered_is_counted():
    told = measured([b"a", b"b"], lambda body: Answer(200, "", 0.0001))

    assert (told["requests"], told["errors"], told["per_second"]) == (100, 0, 500)


def test_an_error_is_no_fast_answer():
    told = measured([b"a", b"b"], lambda body: Answer(200 if body == b"a" else 500, "", 0.0001))

    assert (told["requests"], told["errors"]) == (50, 50)


class OneAtATime:
    """A server with one worker, which stalls once."""

    def __init__(self, *, stalls_at, seconds):
        self._worker, self._asked, self._at, self._seconds = threading.Lock(), 0, stalls_at, seconds

    def ask(self, body):
        began = time.perf_counter()
        with self._worker:
            self._asked += 1
            if self._asked == self._at:
                time.sleep(self._seconds)  # the stall itself
        return Answer(200, "", time.perf_counter() - began)


def test_a_stall_counts_for_all_requests_that_were_due_in_it():
    told = measured([b"a"], OneAtATime(stalls_at=20, seconds=0.1).ask)

    assert told["max"] >= 100
    assert told["p95"] >= 50  # 50 of the 100 requests were due in it


def test_a_client_that_waits_for_each_answer_would_not_have_seen_the_stall():
    server = OneAtATime(stalls_at=20, seconds=0.1)

    closed = sorted(server.ask(b"a").seconds for _ in range(100))

    assert closed[94] < 0.1  # its p95 knows nothing of what the open loop told above


def test_where_no_rate_is_declared_half_of_what_a_worker_can_do_arrives():
    told = measure([b"a"], lambda body: Answer(200, "", 0.0), Load(requests=60), service=0.005)

    assert told["per_second"] == 100


def test_a_slow_model_is_asked_less_often_within_the_time_that_there_is():
    told = measure([b"a"], lambda body: Answer(200, "", 0.0), Load(requests=300, max_seconds=1), service=0.01)

    assert told["requests"] == 50


def test_the_warm_up_is_dropped():
    answers = iter([9.0] * 5 + [0.5] * 5)

    assert service_seconds([b"a"], lambda body: Answer(200, "", next(answers))) == 0.5


def test_a_server_that_breaks_under_overload_is_told():
    asked = []

    def breaks(body):
        asked.append(body)
        return Answer(200 if len(asked) < 10 else 0, "", 0.001)

    told = overload([b"a"], breaks, service=0.001)

    assert (told["requests"], told["answered"], told["broken"], told["recovered"]) == (150, 9, 141, False)


# Known values: facts of the binomial; David and Nagaraja, "Order Statistics", section 7.1


@pytest.mark.parametrize(("count", "wanted"), [(1000, (983, 997)), (10_000, (9880, 9920))])
def test_the_ranks_that_bound_the_99th_percentile(count, wanted):
    assert ranks(count, 0.99) == wanted


@pytest.mark.parametrize(("share", "needed"), [(0.95, 59), (0.99, 299), (0.999, 2995)])
def test_how_many_requests_bound_a_percentile_from_above(share, needed):
    assert upper_rank(needed, share) == needed
    assert upper_rank(needed - 1, share) is None


def test_99_percent_confidence_needs_459_requests():
    assert upper_rank(459, 0.99, confidence=0.99) == 459
    assert upper_rank(458, 0.99, confidence=0.99) is None


def test_the_measured_bounds_are_order_statistics_of_the_sample():
    told = measure([b"a"], lambda body: Answer(200, "", 0.0), Load(requests=100, per_second=500), service=0.001)

    low, high = told["intervals"]["p95"]
    assert low <= told["p95"] <= told["p95_upper"] <= high <= told["max"]
    assert told["p99_upper"] is None
