"""The drift monitor's life signs: when it gives one, and that the chain takes it for what it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from shared.events import MonitorReported
from shared.settings import LOCAL_STORAGE, LOCAL_TOPIC, LOCAL_WORKSPACE
from shared.wire import Delivered, Sources, read
from tests.integration.monitored import BREAKS_OF_A_REFERENCE, NOON, Scene
from tests.integration.serving import FIRST, MODEL


def test_a_look_is_a_life_sign_once_in_a_quarter_of_an_hour(scene: Scene) -> None:
    for minutes in (0, 5, 14, 15, 44):
        scene.now = NOON + timedelta(minutes=minutes)
        scene.watch()
    assert [id for *_, id in scene.reported] == [f"{MODEL}-monitor-20260304T{at}" for at in ("1230", "1245", "1300")]


def test_the_chain_takes_a_life_sign_for_what_it_is(scene: Scene) -> None:
    scene.watch()
    ((subject, event_type, data, id),) = scene.reported
    sources = Sources(LOCAL_STORAGE, LOCAL_WORKSPACE, LOCAL_TOPIC)
    routed = read(Delivered(id, LOCAL_WORKSPACE, subject, event_type, scene.now, data), sources, scene.now)
    assert (routed.model, type(routed.event)) == (MODEL, MonitorReported)


@pytest.mark.parametrize("break_it", BREAKS_OF_A_REFERENCE)
def test_a_monitor_that_cannot_look_gives_no_life_sign(scene: Scene, break_it: Callable[[Path], object]) -> None:
    break_it(scene.home / "endpoints" / MODEL / FIRST / "model" / "reference.json")
    scene.watch()
    assert scene.reported == []


def test_a_life_sign_that_the_topic_did_not_take_is_given_with_the_next_look(scene: Scene) -> None:
    scene.refuse = True
    scene.watch()
    scene.refuse = False
    scene.watch()
    assert len(scene.reported) == 1
