"""A platform that does not answer is told by the API, the dashboard, `baton status` and `baton doctor`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cli import parts
from cli.address import Address
from cli.machine import Wrong
from shared.performing import breaker
from shared.performing.breakers import ROW
from shared.web.site import site
from tests.integration.command_line import CommandLine
from tests.storybook import serving, storied


def test_a_silent_platform_is_shown_wherever_people_look(tmp_path: Path) -> None:
    world = storied(tmp_path)
    with serving(site(world.app)) as url:
        at = Address({"BATON_URL": url})
        baton = CommandLine(
            {"BATON_URL": url, "BATON_USERS": str(tmp_path / "users.json"), "BATON_HOME": str(tmp_path)}
        )
        assert parts.breakers(at) == "every platform answers"

        stored = breaker.opened("endpoints", None, world.now, "connection <refused>")
        world.app.system.keep(f"{ROW}endpoints", breaker.text(stored), None)
        world.now += timedelta(seconds=1)

        (told,) = httpx.get(f"{url}/api/breakers").json()
        assert (told["platform"], told["state"], told["why"]) == ("endpoints", "open", "connection <refused>")
        page = httpx.get(url).text
        assert "The platform for endpoints does not answer" in page
        assert "connection &lt;refused&gt;" in page
        assert "The platform for endpoints has not answered since" in baton("status").out
        with pytest.raises(Wrong, match="endpoints has not answered since"):
            parts.breakers(at)
