"""Drives an app through azure-functions-runtime, Microsoft's worker for Python 3.13; writes what it saw as JSON.

`python -P theirs.py --app FOLDER --cases FILE --protos FOLDER --out FILE`; its state is global, so one
process per app. It imports nothing of this project but the app.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main() -> None:
    """Index the app, invoke each case, write the report."""
    parser = argparse.ArgumentParser()
    for name in ("--app", "--cases", "--protos", "--out"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    sys.path[:0] = [str(options.app.resolve()), str(options.protos.resolve())]
    report = asyncio.run(_report(str(options.app.resolve()), json.loads(options.cases.read_text())))
    options.out.write_text(json.dumps(report, indent=1, sort_keys=True))


async def _report(app: str, cases: list[dict[str, Any]]) -> dict[str, object]:
    runtime = importlib.import_module("azure_functions_runtime")
    protos = importlib.import_module("function_protos")
    runtime.start_threadpool_executor()
    init = protos.StreamingMessage(worker_init_request=protos.WorkerInitRequest(function_app_directory=app))
    started = await runtime.worker_init_request(_asked(init, protos))
    if started.result.status == protos.StatusResult.Failure:
        told = started.result.exception.message
        return {"started": False, "exception": told, "functions": [], "cases": []}
    listing = protos.StreamingMessage(functions_metadata_request=protos.FunctionsMetadataRequest())
    listed = (await runtime.functions_metadata_request(_asked(listing, protos))).function_metadata_results
    ids = {item.name: item.function_id for item in listed}
    seen = [await _seen(runtime, protos, ids, case) for case in cases]
    return {"started": True, "functions": [_described(item) for item in listed], "cases": seen}


def _asked(message: object, protos: object) -> SimpleNamespace:
    return SimpleNamespace(request=message, properties={"host": "127.0.0.1", "protos": protos})


def _described(item: Any) -> dict[str, object]:
    return {"name": item.name, "bindings": [json.loads(raw) for raw in item.raw_bindings]}


async def _seen(runtime: Any, protos: Any, ids: dict[str, str], case: dict[str, Any]) -> dict[str, object]:
    invocation = protos.InvocationRequest(
        invocation_id=f"{case['function']} {case['case']}",
        function_id=ids[case["function"]],
        input_data=[protos.ParameterBinding(name=case["parameter"], data=_typed(protos, case["data"]))],
        trigger_metadata={name: protos.TypedData(**{kind: value}) for name, (kind, value) in case["metadata"].items()},
    )
    message = protos.StreamingMessage(invocation_request=invocation)
    answer = await runtime.invocation_request(_asked(message, protos))
    ok = answer.result.status == protos.StatusResult.Success
    return {
        "function": case["function"],
        "case": case["case"],
        "ok": ok,
        "exception": answer.result.exception.message,
        "returned": _plain(answer.return_value) if answer.HasField("return_value") else None,
        "outputs": {output.name: _plain(output.data) for output in answer.output_data},
    }


def _typed(protos: Any, data: dict[str, Any]) -> object:
    kind, value = data["type"], data["value"]
    if kind == "bytes":
        return protos.TypedData(bytes=base64.b64decode(value))
    if kind != "http":
        return protos.TypedData(**{kind: value})
    body = base64.b64decode(value["body"])
    parts = {name: value[name] for name in ("method", "url", "headers", "query", "params")}
    return protos.TypedData(http=protos.RpcHttp(**parts, body=protos.TypedData(bytes=body) if body else None))


def _plain(typed: Any) -> object:
    kind = typed.WhichOneof("data")
    if kind is None:
        return None
    if kind == "bytes":
        return {"type": "bytes", "value": base64.b64encode(typed.bytes).decode()}
    if kind != "http":
        return {"type": kind, "value": getattr(typed, kind)}
    return {
        "type": "http",
        "status": typed.http.status_code,
        "headers": dict(typed.http.headers),
        "cookies": [[cookie.name, cookie.value] for cookie in typed.http.cookies],
        "body": typed.http.body.bytes.decode(errors="replace"),
    }


if __name__ == "__main__":
    main()
