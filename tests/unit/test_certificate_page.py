"""The page of a certificate: what it says while the certificate holds, and when it does not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx

from shared.web.site import site
from tests.world import CERTIFIED, World


def page(world: World, release: str = "m-0001") -> str:
    async def ask() -> str:
        inside = httpx.ASGITransport(app=site(world.app))
        async with httpx.AsyncClient(transport=inside, base_url=world.app.settings.url) as client:
            return (await client.get(f"/releases/{release}/certificate")).text

    return asyncio.run(ask())


def asked(world: World) -> World:
    world.drop("some rows")
    world.settle()
    return world


def test_a_certificate_that_holds_says_until_when_and_what_it_answers(world: World) -> None:
    shown = page(asked(world))

    assert "Its signature is right and it holds until 20" in shown
    assert "9 of 9 limits kept" in shown
    assert "3 passed, 0 failed" in shown
    assert "up to 2.5 ms" in shown
    assert "not answered by Baton, owner: the model&#39;s owner" in shown


def test_importances_are_drawn_beside_the_champions_unless_their_bytes_were_changed(world: World) -> None:
    measure = {"importance.X": {"value": 2.0, "lower": 1.0, "upper": 3.0}}
    kept = {"importances": {"version": {"X": [1.0, 3.0]}, "champion": {"X": [4.0, 6.0]}}}
    world.trainer.script["certify"] = replace(
        CERTIFIED,
        result={
            **CERTIFIED.result,
            "checks": {"importance": {"measures": measure, "words": ["X matters most"]}},
            "attachments": {"importance-importances": kept["importances"]},
        },
    )
    shown = page(asked(world))
    (blob,) = world.blobs.names("reports", "m/attached/importance-importances")
    world.blobs.drop("reports", blob, b'{"champion": {"X": [0.0]}}')
    changed = page(world)

    assert 'aria-label="X: this version 2 (1 to 3), the champion 5 (4 to 6)"' in shown
    assert "X matters most" in shown
    assert 'aria-label="X: this version 2 (1 to 3)"' in changed


def test_a_limit_that_is_not_kept_says_why(world: World) -> None:
    slow = {**CERTIFIED.result, "latency_ms": {**CERTIFIED.result["latency_ms"], "p95_upper": 501.0}}
    world.trainer.script["certify"] = replace(CERTIFIED, result=slow)
    shown = page(asked(world))

    assert "8 of 9 limits kept" in shown
    assert "upper bound of p95 in ms 501, must be at most 500" in shown


def test_a_changed_certificate_says_that_nothing_is_deployed_by_it(world: World) -> None:
    name = asked(world).release("m-0001").certificate.removeprefix("reports/")
    world.blobs.drop("reports", name, world.blobs.read("reports", name) + b" ")

    assert "It does not hold: the certificate was changed" in page(world)


def test_an_expired_certificate_still_shows_what_was_measured(world: World) -> None:
    asked(world).now += timedelta(days=91)

    assert "It does not hold any more: the certificate expired at" in page(world)
    assert "3 passed, 0 failed" in page(world)


def test_a_release_without_a_certificate_says_so(world: World) -> None:
    world.trainer.script["train"] = type(world.trainer.script["train"])("failed", "no rows")
    asked(world)

    assert "m-0001 has no certificate." in page(world)
