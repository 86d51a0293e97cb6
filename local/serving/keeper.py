"""Keeps the deployments' servers: starts them, waits for their first answer, starts them again when they end."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.serving import process
from local.serving.process import Plan, ServerProcess
from local.serving.state import Deployed, Endpoint, Routes
from local.serving.upstream import AnswerTooLarge, NoAnswer, ask
from shared import log
from shared.errors import BatonError
from shared.platforms.port import DeploymentState

PythonFor = Callable[[Path], Path]
LOOK_SECONDS = 1.0
STEADY_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
PROBE = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may take: to its first answer, and for any answer."""

    start_seconds: float = 60.0
    score_seconds: float = 60.0


class ServerFault(Exception):
    """Why a server does not answer, for the one who owns score.py."""


class Keeper:
    """One task per deployment. `folders` holds <model>/<name>/{code,model}; `python_for` builds a serving environment."""

    def __init__(self, routes: Routes, folders: Path, python_for: PythonFor, patience: Patience) -> None:
        self._routes = routes
        self._folders = folders
        self._python_for = python_for
        self._patience = patience
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._servers: dict[tuple[str, str], ServerProcess] = {}

    def keep(self, deployed: Deployed) -> None:
        """Begin to keep a deployment: find its server again, or start it."""
        key = (deployed.model, deployed.name)
        self._tasks[key] = asyncio.get_running_loop().create_task(self._keep(deployed))

    def keep_all(self, endpoints: dict[str, Endpoint]) -> None:
        """Keep what a router before this one left; what never was healthy stays failed."""
        for endpoint in endpoints.values():
            for deployed in endpoint.deployments.values():
                if deployed.was_healthy or deployed.state != "failed":
                    deployed.state, deployed.reason = "starting", "the router began anew and looks for its server"
                    self.keep(deployed)

    async def drop(self, deployed: Deployed) -> None:
        """Remove a deployment's folder, so that no later one finds it, and end its server. Safe to repeat."""
        await self._let_go(deployed.model, deployed.name)
        gone = await asyncio.to_thread(_set_aside, self.folder(deployed))
        server = self._servers.pop((deployed.model, deployed.name), None)
        server = server or await asyncio.to_thread(_find, deployed)
        if server is not None:
            await server.stop()
        await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)

    async def close(self, *, end_servers: bool) -> None:
        """Stop keeping; end the servers, or leave them to the next router."""
        for model, name in list(self._tasks):
            await self._let_go(model, name)
        if end_servers:
            await asyncio.gather(*(server.stop() for server in self._servers.values()))

    def folder(self, deployed: Deployed) -> Path:
        """Where the deployment's code and model are."""
        return self._folders / deployed.model / deployed.name

    async def _let_go(self, model: str, name: str) -> None:
        task = self._tasks.pop((model, name), None)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _keep(self, deployed: Deployed) -> None:
        server = await asyncio.to_thread(_find, deployed)
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._begin(deployed, server)
                began = time.monotonic()
                await self._set(deployed, "healthy")
                await self._until_ended(deployed)
            except ServerFault as fault:
                await self._failed(deployed, str(fault))
                if not deployed.was_healthy:
                    return
            server = None
            failures = 1 if time.monotonic() - began > STEADY_SECONDS else failures + 1
            await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, 2.0 ** (failures - 2)) if failures > 1 else 0)

    async def _begin(self, deployed: Deployed, server: ServerProcess | None) -> None:
        """Come to a server that answers, the one that was found or a new one; `ServerFault` says why there is none."""
        deployed.suspect.clear()
        if server is None:
            await self._set(deployed, "starting", deployed.reason or "its server is not up yet")
            server = await self._launch(deployed)
        self._servers[deployed.model, deployed.name] = server
        try:
            async with asyncio.timeout(self._patience.start_seconds):
                await self._until_answers(deployed, server)
        except TimeoutError:
            limit = self._patience.start_seconds
            raise ServerFault(f"no answer within {limit:g} s; {self._last_words(deployed)}") from None

    async def _launch(self, deployed: Deployed) -> ServerProcess:
        folder = self.folder(deployed)
        python = await self._environment(folder / "code")
        await asyncio.to_thread(process.end_all, deployed.token or "no server yet")
        plan = Plan(python, folder / "code", folder / "model", folder / "server.log", self._patience.score_seconds + 5)
        with process.listen() as listening:
            deployed.port, deployed.token = listening.getsockname()[1], process.new_token(deployed.model, deployed.name)
            await self._routes.save()
            return process.launch(plan, listening, deployed.token)

    async def _environment(self, code: Path) -> Path:
        try:
            return await asyncio.to_thread(self._python_for, code)
        except BatonError as error:
            raise ServerFault(str(error)) from error

    async def _until_answers(self, deployed: Deployed, server: ServerProcess) -> None:
        """Ask until the server answers. It has its port from the beginning, so the first question just waits."""
        question = asyncio.ensure_future(_answers(deployed.port))
        try:
            while not (question.done() and question.result()):
                if how := server.ended():
                    raise ServerFault(f"it ended at start ({how}); {self._last_words(deployed)}")
                if question.done():
                    question = asyncio.ensure_future(_answers(deployed.port))
                await asyncio.wait({question}, timeout=0.1)
        finally:
            question.cancel()

    async def _until_ended(self, deployed: Deployed) -> None:
        """Return when the server's process is gone: looked at regularly, and at once when a request got no answer."""
        server = self._servers[deployed.model, deployed.name]
        while not (how := server.ended()):
            with suppress(TimeoutError):
                await asyncio.wait_for(deployed.suspect.wait(), LOOK_SECONDS)
                await asyncio.sleep(0.05)
            deployed.suspect.clear()
            process.shorten(self.folder(deployed) / "server.log")
        deployed.restarts += 1
        reason = f"its server ended ({how}) and is started again; {self._last_words(deployed)}"
        log.warning("server ended", model=deployed.model, deployment=deployed.name, how=how, restarts=deployed.restarts)
        await self._set(deployed, "starting", reason)

    async def _failed(self, deployed: Deployed, why: str) -> None:
        server = self._servers.pop((deployed.model, deployed.name), None)
        if server is not None:
            await server.stop()
        log.warning("server failed", model=deployed.model, deployment=deployed.name, why=why)
        await self._set(deployed, "failed", why)

    async def _set(self, deployed: Deployed, state: DeploymentState, reason: str = "") -> None:
        deployed.state, deployed.reason = state, reason
        deployed.was_healthy = deployed.was_healthy or state == "healthy"
        with suppress(OSError):  # a full disk must not end the keeping; the next change writes all again
            await self._routes.save()

    def _last_words(self, deployed: Deployed) -> str:
        return process.last_words(self.folder(deployed) / "server.log") or "it printed nothing"


async def _answers(port: int) -> bool:
    """Whether the server is healthy; a broken connection is a no, after a moment."""
    try:
        return (await ask(port, PROBE, limit=64 * 1024)).status == 200
    except (NoAnswer, AnswerTooLarge):
        await asyncio.sleep(0.2)
        return False


def _find(deployed: Deployed) -> ServerProcess | None:
    return process.find(deployed.token) if deployed.token else None


def _set_aside(folder: Path) -> Path:
    """Rename a folder so that its name is free at once."""
    gone = folder.with_name(f".gone-{folder.name}-{time.time_ns()}")
    with suppress(FileNotFoundError):
        folder.rename(gone)
    return gone
