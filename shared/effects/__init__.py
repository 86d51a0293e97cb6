"""What each command does to the world: one function a command, found in `EFFECTS`.

An effect does one thing within its claim and answers with an outcome event, or with `Later` where it
only asked and the answer is not there yet. `Permanent` gives the command up, everything else is tried
again. Each is safe to repeat in the way that `shared/commands.py` declares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.effects import archive, endpoint, files, forget, people, runs
from shared.effects.parts import Later, Parts
from shared.events import Outcome
from shared.state import Command

Effect = Callable[[Parts, str, Command], Outcome | Later]

EFFECTS: Mapping[str, Effect] = {
    "check_file": files.check_file,
    "tag_drop": files.tag_drop,
    "start_run": runs.start_run,
    "look_at_run": runs.look_at_run,
    "cancel_run": runs.cancel_run,
    "register_version": runs.register_version,
    "observe_champion": endpoint.observe_champion,
    "deploy_staging": endpoint.deploy_staging,
    "set_traffic": endpoint.set_traffic,
    "look_at_step": endpoint.look_at_step,
    "clean_up": endpoint.clean_up,
    "ask_approval": people.ask_approval,
    "close_segment": archive.close_segment,
    "trim_journal": archive.trim_journal,
    "forget": forget.forget,
    "tell": people.tell,
}
