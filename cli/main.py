"""`baton`: the group of all commands, and how each of them ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from cli import (
    alerts,
    audit,
    carrying,
    certificates,
    checks,
    contracts,
    data,
    deadletters,
    diffing,
    doctor,
    drift,
    drops,
    freezing,
    gates,
    generating,
    laptop,
    ledger,
    logs,
    models,
    newmodel,
    performance,
    publishing,
    releases,
    replay_history,
    reproducing,
    scoring,
    simulate,
    traces,
    whynot,
)
from cli.telling import ERROR, exit_code, tell_error
from shared.errors import BatonError

INTERRUPTED = 130
COMMANDS = (
    *(laptop.up, laptop.down, doctor.doctor),
    *(drops.drop, checks.check, generating.generate),
    contracts.contract,
    gates.gates,
    *(models.status, models.retrain, models.rollback, models.pause, models.resume),
    *(freezing.freeze, freezing.unfreeze),
    *(releases.explain, whynot.why_not, diffing.diff, releases.approve, releases.reject, releases.retry),
    *(simulate.simulate, scoring.score, drift.drift, performance.labels, performance.performance),
    *(logs.logs, traces.trace, alerts.alerts, deadletters.deadletters),
    *(data.data, audit.audit, certificates.certificate, reproducing.reproduce, carrying.carry, ledger.ledger),
    *(publishing.publish, newmodel.new_model, replay_history.replay_history),
)


class Baton(click.Group):
    """A group whose expected errors are two lines on stderr, and whose exit codes mean the same everywhere."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people meet them."""
        return list(self.commands)

    def main(  # type: ignore[override]  # it always ends the process, whatever mode is asked for
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run and end the process."""
        plain = {"color": False} if os.environ.get("NO_COLOR") else {}
        extra = {**plain, **extra, "standalone_mode": False}
        try:
            ended = super().main(args, prog_name or "baton", **extra)
        except BatonError as error:
            tell_error(error)
            sys.exit(exit_code(error))
        except click.ClickException as error:
            error.show()
            sys.exit(ERROR)
        except click.Abort:
            sys.exit(INTERRUPTED)
        sys.exit(ended if isinstance(ended, int) else 0)


@click.group(cls=Baton, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Carries a dropped file to a tested, approved model in production.

    \b
    baton up                                    in one terminal; then, in another:
    baton drop diabetes first.csv --wait        was the file accepted?
    baton status                                what is under way, what waits for whom
    baton explain diabetes-0001                 why
    baton approve diabetes-0001 --why "good"    let it go to production

    \b
    Exit codes: 0 done; 1 an error; 2 Baton or the model said no (a file refused, a folder with faults,
    a request that may not be done now or by you); 3 it took longer than you would wait; 130 interrupted.
    Commands find the running Baton by themselves (.baton/stack.json, or the folder BATON_HOME), or by
    the environment: BATON_URL and BATON_TOKEN.
    """


for command in COMMANDS:
    main.add_command(command)
