"""A bare asyncio relay: bytes to and fro, one connection to the target for each that comes in. The least a router costs."""

from __future__ import annotations

import argparse
import asyncio

from local.daemon import LOCALHOST, announce, until_stopped


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def _relay(target: int) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs_in, theirs_out = await asyncio.open_connection(LOCALHOST, target)
        there = asyncio.ensure_future(_copy(reader, theirs_out))
        await _copy(theirs_in, writer)
        await there

    server = await asyncio.start_server(connected, LOCALHOST, 0)
    announce(port=server.sockets[0].getsockname()[1])
    await until_stopped()
    server.close()


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.relay", description=__doc__)
    options.add_argument("--target", type=int, required=True, help="port on 127.0.0.1")
    asyncio.run(_relay(options.parse_args().target))


if __name__ == "__main__":
    main()
