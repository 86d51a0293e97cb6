"""Drives an app through the local host's own indexing and invoking; writes what it saw as JSON.

`python -m tests.conformance.ours --app FOLDER --cases FILE --out FILE`; one process per app.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from azure.functions.meta import Datum

from local.host.host_json import AppRefused
from local.host.index import LoadedFunction, index_app
from local.host.invoke import Invoker, Outcome
from local.host.server import described
from tests.conformance.cases import cases_for


def main() -> None:
    """Index the app, invoke each case, write the report; the cases are made here and written to `--cases`."""
    parser = argparse.ArgumentParser()
    for name in ("--app", "--out", "--cases"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    report = _report(options.app, options.cases)
    options.out.write_text(json.dumps(report, indent=1, sort_keys=True))


def _report(app: Path, cases_path: Path) -> dict[str, object]:
    try:
        functions = {function.name: function for function in index_app(app)}
    except AppRefused as refusal:
        cases_path.write_text("[]")
        return {"started": False, "exception": f"{type(refusal).__name__}: {refusal}", "functions": [], "cases": []}
    triggers = {name: function.trigger for name, function in functions.items()}
    cases = cases_for({"name": n, "parameter": t.name, "trigger": t.type} for n, t in triggers.items())
    cases_path.write_text(json.dumps(cases))
    seen = asyncio.run(_all_seen(functions, cases))
    return {"started": True, "functions": [described(f) for f in functions.values()], "cases": seen}


async def _all_seen(functions: dict[str, LoadedFunction], cases: list[dict[str, Any]]) -> list[dict[str, object]]:
    invoker = Invoker(timeout_seconds=30)
    seen = [await _seen(invoker, functions, case) for case in cases]
    invoker.close()
    return seen


async def _seen(invoker: Invoker, functions: dict[str, LoadedFunction], case: dict[str, Any]) -> dict[str, object]:
    metadata = {name: Datum(value, kind) for name, (kind, value) in case["metadata"].items()}
    outcome = await invoker.invoke(functions[case["function"]], _datum(case["data"]), metadata)
    return {"function": case["function"], "case": case["case"], **_told(outcome)}


def _datum(data: dict[str, Any]) -> Datum:
    kind, value = data["type"], data["value"]
    if kind == "bytes":
        return Datum(base64.b64decode(value), kind)
    if kind != "http":
        return Datum(value, kind)
    parts: dict[str, object] = {name: Datum(value[name], "string") for name in ("method", "url")}
    for name in ("headers", "query", "params"):
        parts[name] = {key: Datum(text, "string") for key, text in value[name].items()}
    return Datum(parts | {"body": Datum(base64.b64decode(value["body"]), "bytes")}, "http")


def _told(outcome: Outcome) -> dict[str, object]:
    return {
        "ok": outcome.ok,
        "exception": outcome.message,
        "returned": _plain(outcome.returned),
        "outputs": {name: _plain(datum) for name, datum in outcome.outputs.items()},
    }


def _plain(datum: Datum | None) -> object:
    if datum is None or datum.type is None:
        return None
    if datum.type == "bytes":
        return {"type": "bytes", "value": base64.b64encode(datum.value).decode()}
    if datum.type != "http":
        return {"type": datum.type, "value": datum.value}
    jars: list[SimpleCookie] = datum.value["cookies"] or []
    return {
        "type": "http",
        "status": datum.value["status_code"].value,
        "headers": {name: header.value for name, header in datum.value["headers"].items()},
        "cookies": [[name, morsel.value] for jar in jars for name, morsel in jar.items()],
        "body": datum.value["body"].value.decode(errors="replace"),
    }


if __name__ == "__main__":
    main()
