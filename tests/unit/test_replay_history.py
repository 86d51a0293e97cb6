"""`baton replay-history`: a script is told step by step, and says at its end what was broken."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from cli.replay_history import replay_history
from shared.errors import Permanent

MUTE = """\
# nobody is told that the drop was refused
history same seed 2
broken mute-notifier
publish m1 files=1 quiet=86400
drop d1 m1 d1.csv "bad rows"
deliver d1 by B
"""


def test_a_script_is_told_step_by_step_with_what_is_found(tmp_path: Path) -> None:
    (tmp_path / "script").write_text(MUTE)

    ended = CliRunner().invoke(replay_history, [str(tmp_path / "script")], standalone_mode=False)

    assert ended.return_value == 1
    assert "12:00:00 deliver d1 by B" in ended.output
    assert "drop refused" in ended.output
    assert "effects: m1: messages [3] were not sent" in ended.output


def test_a_script_that_breaks_no_promise_says_so(tmp_path: Path) -> None:
    (tmp_path / "script").write_text(MUTE.replace("broken mute-notifier\n", ""))

    ended = CliRunner().invoke(replay_history, [str(tmp_path / "script"), "--json"], standalone_mode=False)

    assert ended.return_value == 0
    assert json.loads(ended.output)["findings"] == []


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("juggle m1\n")

    ended = CliRunner().invoke(replay_history, [str(tmp_path / "script")], standalone_mode=False)

    assert isinstance(ended.exception, Permanent)
    assert "line 1 is no step of a history: 'juggle m1'" in str(ended.exception)
