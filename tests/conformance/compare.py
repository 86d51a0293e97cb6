"""Compares what both sides saw of one app; every difference is one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Report = Mapping[str, Any]


def differences(ours: Report, theirs: Report, *, ignore: Callable[[str], str] = str) -> list[str]:
    """All differences: started or not, functions and bindings, and per case status, exception class, outputs.

    `ignore` blanks what may differ in an answer (as JSON text), such as a time or a nonce.
    """
    if ours["started"] != theirs["started"] or not ours["started"]:
        return _refusals(ours, theirs)
    return _functions(ours, theirs) + _cases(ours, theirs, ignore)


def exception_class(message: str) -> str:
    """The class in a worker's message.

    >>> exception_class("ValueError: what"), exception_class("")
    ('ValueError', '')
    """
    return message.partition(":")[0]


def _refusals(ours: Report, theirs: Report) -> list[str]:
    if ours["started"] != theirs["started"]:
        return [f"started: ours {ours['started']} {_why(ours)}, theirs {theirs['started']} {_why(theirs)}"]
    told, known = exception_class(_why(ours)), exception_class(_why(theirs))
    if told not in (known, "AppRefused") or ("FunctionLoadError" in (told, known) and told != known):
        return [f"refused differently: ours {_why(ours)!r}, theirs {_why(theirs)!r}"]
    return []


def _why(report: Report) -> str:
    return str(report.get("exception", ""))


def _functions(ours: Report, theirs: Report) -> list[str]:
    found, expected = ({item["name"]: item["bindings"] for item in side["functions"]} for side in (ours, theirs))
    return [
        f"{name}: bindings are {found.get(name)}, expected {expected.get(name)}"
        for name in sorted(found.keys() | expected.keys())
        if found.get(name) != expected.get(name)
    ]


def _cases(ours: Report, theirs: Report, ignore: Callable[[str], str]) -> list[str]:
    expected = {(case["function"], case["case"]): case for case in theirs["cases"]}
    found = {(case["function"], case["case"]): case for case in ours["cases"]}
    if found.keys() != expected.keys():
        return [f"cases differ: {sorted(found.keys() ^ expected.keys())}"]
    return [
        f"{key[0]}, {key[1]}: {part} is {_shown(mine, yours)}, expected {_shown(yours, mine)}"
        for key in found
        for part, mine, yours in _parts(found[key], expected[key], ignore)
        if mine != yours
    ]


def _parts(mine: Report, yours: Report, ignore: Callable[[str], str]) -> list[tuple[str, str, str]]:
    return [
        ("ok", str(mine["ok"]), str(yours["ok"])),
        ("exception", exception_class(mine["exception"]), exception_class(yours["exception"])),
        ("outputs", _text(mine["outputs"]), _text(yours["outputs"])),
        ("returned", ignore(_text(mine["returned"])), ignore(_text(yours["returned"]))),
    ]


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _shown(text: str, other: str) -> str:
    """The text around the first place where it differs from the other."""
    place = next((at for at, (mine, yours) in enumerate(zip(text, other, strict=False)) if mine != yours), 0)
    return repr(text[max(0, place - 60) : place + 60])
