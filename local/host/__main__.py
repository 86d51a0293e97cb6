"""`python -m local.host --app <folder> --port 0 --state <folder>`: serve a function app until SIGTERM.

Prints one line of JSON to stdout when it answers; whatever the app prints goes to stderr with the log.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

from local.host.app import Host
from local.host.host_json import AppRefused, read_host_json
from local.host.index import index_app
from local.host.logs import log_to_stderr


def main() -> int:
    """Parse, serve, and return the exit code: 0 after SIGTERM, 2 if the app cannot be served."""
    options = _options()
    app, state = options.app.resolve(), options.state.resolve()
    ready, sys.stdout = sys.stdout, sys.stderr
    log_to_stderr(os.environ)
    os.chdir(app)
    try:
        settings = read_host_json(app)
        host = Host(index_app(app), settings, environment=os.environ, state=state)
    except AppRefused as refusal:
        print(f"{type(refusal).__name__}: {refusal}", file=sys.stderr)
        return 2
    left = asyncio.run(_serve(host, options.port, ready))
    if left:
        _leave_at_once()
    return 0


async def _serve(host: Host, port: int, ready: TextIO) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    url = await host.start(port)
    print(json.dumps({"ready": True, "url": url}), file=ready, flush=True)
    await stopping.wait()
    return await host.stop()


def _leave_at_once() -> None:
    """End although threads still run functions: Python would wait for them for ever."""
    sys.stderr.flush()
    os._exit(0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description="Serve a Python function app locally.")
    parser.add_argument("--app", type=Path, default=Path(), help="folder of function_app.py and host.json")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, default=Path(".baton/host"), help="folder for timer status")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
