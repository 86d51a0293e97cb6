"""`baton certificate` against real storage, with nothing else of Baton running: what it says, and when it says no."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.certificates.signing import Signer
from tests.integration.command_line import CommandLine
from tests.integration.stored import store
from tests.world import CERTIFIED, SIGNING_KEY, World, evidence

FIRST, SECOND, ALTERED, EXPIRED = "vouched-0001", "vouched-0002", "altered-0001", "lapsed-0001"
STRANGER = Signer("11" * 32).public
ASKED = "{fairness: {limits: {difference: at most 0.2}}}"
SLOW: dict[str, Any] = {
    **CERTIFIED.result,
    "latency_ms": {**CERTIFIED.result["latency_ms"], "p95": 480.0, "p95_upper": 501.0},
    "checks": {"fairness": {"measures": {"difference": {"value": 0.3, "lower": 0.1, "upper": 0.5}}}},
    "provenance": {"files": {"model.pkl": "ab" * 32}},
}


def live(home: Path, model: str, *, now: datetime) -> World:
    """One version of this model went live at this time."""
    world = World(home, now)
    world.publish(model)
    world.settle(model)
    world.go_live("rows", model=model)
    return world


@pytest.fixture(scope="module")
def stored(connection: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A version that serves and a second that was held by its certificate; one whose certificate got a byte more; and an expired one."""
    now, home = datetime.now(UTC), tmp_path_factory.mktemp("certified")
    world = live(home, "vouched", now=now - timedelta(hours=1))
    world.publish("vouched", checks=ASKED)
    world.trainer.script |= {"judge": evidence(2500.0, 3000.0), "certify": replace(CERTIFIED, result=SLOW)}
    world.drop("more rows", model="vouched")
    world.settle("vouched")
    store(world, "vouched", connection)
    altered = live(home, "altered", now=now)
    container, _, name = altered.release(ALTERED).certificate.partition("/")
    altered.blobs.drop(container, name, altered.blobs.read(container, name) + b"\n")
    store(altered, "altered", connection)
    store(live(home, "lapsed", now=now - timedelta(days=91)), "lapsed", connection)
    return connection


@pytest.fixture
def baton(stored: str, tmp_path: Path) -> CommandLine:
    """A terminal that knows storage and the signer's key, and nothing that runs."""
    return CommandLine({"BATON_DATA": stored, "BATON_HOME": str(tmp_path), "BATON_SIGNING_KEY": SIGNING_KEY})


def test_show_tells_each_limit_with_its_verdict_and_what_stands_beside_it(baton: CommandLine) -> None:
    ran = baton("certificate", "show", FIRST)
    told = ran.out.splitlines()

    assert (ran.code, ran.err) == (0, "")
    assert told[0].startswith(f"{FIRST}, version 1: 9 of 9 limits kept. Its signature is right and it holds until 20")
    assert "  p95 of the latency: 2 ms (up to 2.5 ms), must be at most 500 ms; kept" in told
    assert any(line.startswith("  7 harmonised standards applied: not answered by Baton, owner: ") for line in told)
    assert sum("p95 of the latency" in line for line in told) == 1
    found = baton("certificate", "show", FIRST, "--json").json
    assert found["holds"] is True
    assert {"label": "cold start", "passed": True}.items() <= found["limits"][0].items()


def test_show_says_which_limit_was_not_kept_and_why(baton: CommandLine) -> None:
    told = baton("certificate", "show", SECOND).out.splitlines()

    assert ": 8 of 10 limits kept. " in told[0]
    assert any(line.endswith("not kept: upper bound of p95 in ms 501, must be at most 500") for line in told)


def test_a_changed_certificate_is_shown_with_a_warning_and_code_2(baton: CommandLine) -> None:
    ran = baton("certificate", "show", ALTERED)

    assert ran.code == 2
    assert ran.err.startswith(f"Warning: the certificate of {ALTERED} is not to be relied on. It does not hold: ")
    assert "the certificate was changed" in ran.err
    assert "  p95 of the latency: 2 ms (up to 2.5 ms), must be at most 500 ms; kept" in ran.out.splitlines()
    assert baton("certificate", "show", ALTERED, "--json").json["holds"] is False
    verified = baton("certificate", "verify", ALTERED)
    assert verified.code == 2
    assert "the certificate was changed" in verified.out
    compared = baton("certificate", "diff", FIRST, ALTERED)
    assert compared.code == 2
    assert "the certificate was changed" in compared.err


def test_a_strangers_key_vouches_for_nothing_and_an_unknown_one_is_said(baton: CommandLine) -> None:
    strange = baton("certificate", "show", FIRST, "--public-key", STRANGER)
    unknown = baton("certificate", "show", FIRST, BATON_SIGNING_KEY="")

    assert (strange.code, unknown.code) == (2, 2)
    assert "It does not hold: " in strange.err
    assert "Its signature was not checked. The signer's key is not known here." in unknown.err
    assert "9 of 9 limits kept" in unknown.out
    right = baton("certificate", "show", FIRST, "--public-key", Signer(SIGNING_KEY).public, BATON_SIGNING_KEY="")
    assert (right.code, right.err) == (0, "")


def test_an_expired_certificate_is_shown_and_verified_with_code_2(baton: CommandLine) -> None:
    shown, verified = baton("certificate", "show", EXPIRED), baton("certificate", "verify", EXPIRED)

    assert (shown.code, verified.code) == (2, 2)
    assert "the certificate expired at 20" in shown.err
    assert "issued: 20" in shown.out
    assert "the certificate expired at 20" in verified.out


def test_verify_compares_the_models_files_where_a_copy_is_given(baton: CommandLine, tmp_path: Path) -> None:
    other = tmp_path / "model"
    other.mkdir()
    (other / "model.pkl").write_bytes(b"another model")
    ran = baton("certificate", "verify", FIRST, "--files", str(other))

    assert baton("certificate", "verify", FIRST).code == 0
    assert ran.code == 2
    assert "the files of version 1 were changed" in ran.out


def test_diff_reads_as_limit_then_now_and_verdict(baton: CommandLine) -> None:
    ran = baton("certificate", "diff", FIRST, SECOND)
    told = ran.out.splitlines()

    assert (ran.code, ran.err) == (0, "")
    assert told[0].startswith(f"{FIRST}, version 1: 9 of 9 limits kept. ")
    assert told[2:5] == [
        "  p95 of the latency, must be at most 500 ms: 2 ms (up to 2.5 ms) -> 480 ms (up to 501 ms); "
        "kept -> not kept: upper bound of p95 in ms 501, must be at most 500",
        "  fairness: difference, must be at most 0.2, by its upper bound (not asked before): nothing -> 0.3 (0.1 to 0.5); "
        "not asked -> not kept: upper bound of difference 0.5, must be at most 0.2",
        "  8 of 10 limits: the same limit, measurement and verdict",
    ]
    assert "Files of the model" in told
    assert "  model.pkl: nothing -> SHA-256 abababababab..." in told
    found = baton("certificate", "diff", FIRST, SECOND, "--json").json
    assert [change["limit"] for change in found["limits"] if change["turned"]] == [
        "p95 of the latency",
        "fairness: difference",
    ]
    assert {"path": "latency_ms.p95", FIRST: 2.0, SECOND: 480.0} in found["entries"]


def test_a_certificate_does_not_differ_from_itself(baton: CommandLine) -> None:
    told = baton("certificate", "diff", FIRST, FIRST).out.splitlines()

    assert told[2:] == ["  9 of 9 limits: the same limit, measurement and verdict"]


def test_what_has_no_certificate_is_an_error_with_a_next_step(baton: CommandLine) -> None:
    assert baton("certificate", "show", "vouched").err.splitlines()[0] == "'vouched' is no release."
    assert baton("certificate", "diff", FIRST, "vouched-0009").err.splitlines() == [
        "There is no release vouched-0009.",
        "Next: baton status vouched lists the last ones.",
    ]
