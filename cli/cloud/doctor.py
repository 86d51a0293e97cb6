"""All checks of a deployed Baton, in the order in which faults should be mended."""

from __future__ import annotations

from collections.abc import Iterator

from cli.cloud import app, around, databricks, grid, serving
from cli.cloud.arm import Arm
from cli.cloud.installation import Installation
from cli.doctor import Check


def checks(
    arm: Arm, at: Installation, connect: databricks.Connect = databricks.as_the_caller
) -> Iterator[tuple[str, Check]]:
    """Name and check of everything. `connect` opens the Databricks workspace, where the app is on one."""
    yield from around.before(arm, at)
    yield from app.checks(arm, at)
    yield from around.after(arm, at)
    yield from databricks.checks(arm, at, connect) if at.on_databricks else serving.checks(arm, at)
    yield from grid.checks(arm, at)
