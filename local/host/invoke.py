"""Invoking a function: decode what came, run it where the worker would, encode what it gives back."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import traceback
import uuid
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from azure.functions.meta import Datum

from local.host.converters import decode, encode
from local.host.index import LoadedFunction

log = logging.getLogger("host.invoke")
_thread_local = threading.local()


class FunctionTimeout(Exception):
    """The function ran longer than host.json allows; in Azure its worker would be restarted."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """No trace reaches a function on the laptop."""

    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryContext:
    """No retry policy of a function is in force: queues and Event Grid have their own."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: str = ""


@dataclass(frozen=True, slots=True)
class InvocationContext:
    """What a `context: func.Context` parameter receives."""

    invocation_id: str
    function_name: str
    function_directory: str
    trace_context: TraceContext = field(default_factory=TraceContext)
    retry_context: RetryContext = field(default_factory=RetryContext)
    thread_local_storage: threading.local = _thread_local


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended: `error` is None on success; `outputs` holds the set outputs by binding name."""

    error: BaseException | None = None
    returned: Datum | None = None
    outputs: Mapping[str, Datum] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the function and all conversions succeeded."""
        return self.error is None

    @property
    def message(self) -> str:
        """The exception as the worker tells it to the host: `ValueError: what`."""
        return "" if self.error is None else f"{type(self.error).__name__}: {self.error}"


class Out:
    """What an output parameter receives; `set` keeps the last value."""

    def __init__(self) -> None:
        self._value: object = None

    def set(self, value: object) -> None:
        """Keep the value to be sent when the function has succeeded."""
        self._value = value

    def get(self) -> object:
        """The kept value, None if none was set."""
        return self._value


class Invoker:
    """Runs functions: `def` in a thread pool, `async def` on one loop of their own, as the worker does.

    The loop is not the host's, so a blocking `async def` stalls its peers but not queues and leases.
    """

    def __init__(self, *, timeout_seconds: float, threads: int | None = None) -> None:
        self._timeout_seconds = timeout_seconds
        self._pool = ThreadPoolExecutor(threads or thread_count(os.environ), thread_name_prefix="function")
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="async-functions", daemon=True).start()
        self._running: set[Any] = set()

    @property
    def running(self) -> int:
        """How many functions run now, those past their time limit included."""
        return len(self._running)

    async def invoke(self, function: LoadedFunction, data: Datum, metadata: Mapping[str, Datum]) -> Outcome:
        """Run the function once with the trigger's value; never raises for what the function does."""
        started, context = time.perf_counter(), self._context(function)
        log.debug("Executing 'Functions.%s' (Id=%s)", function.name, context.invocation_id)
        outcome = await self._outcome(function, data, metadata, context)
        _tell(function, context, outcome, seconds=time.perf_counter() - started)
        return outcome

    def close(self) -> None:
        """Take no more; functions that still run keep their threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _context(self, function: LoadedFunction) -> InvocationContext:
        return InvocationContext(str(uuid.uuid4()), function.name, function.folder)

    async def _outcome(
        self, function: LoadedFunction, data: Datum, metadata: Mapping[str, Datum], context: InvocationContext
    ) -> Outcome:
        try:
            arguments = _arguments(function, data, metadata, context)
            returned = await self._within_timeout(function, arguments, context)
            return _encoded(function, arguments, returned)
        except (Exception, SystemExit) as fault:  # a function that calls sys.exit() does not end the host
            return Outcome(error=fault)

    async def _within_timeout(
        self, function: LoadedFunction, arguments: Mapping[str, object], context: InvocationContext
    ) -> object:
        limit = None if self._timeout_seconds == float("inf") else self._timeout_seconds
        started = self._start(function, arguments, context)
        self._running.add(started)
        started.add_done_callback(self._running.discard)
        work = asyncio.wrap_future(started)
        done, _ = await asyncio.wait([work], timeout=limit)
        if done:
            return work.result()
        work.cancel()
        raise FunctionTimeout(
            f"Timeout value of {limit:g} s exceeded by function 'Functions.{function.name}' "
            f"(Id: '{context.invocation_id}')"
        )

    def _start(self, function: LoadedFunction, arguments: Mapping[str, object], context: InvocationContext) -> Any:
        if function.is_async:
            coroutine: Coroutine[object, object, object] = function.call(**arguments)  # type: ignore[assignment]
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return self._pool.submit(_in_thread, function, arguments, context)


def thread_count(environment: Mapping[str, str]) -> int | None:
    """PYTHON_THREADPOOL_THREAD_COUNT, or None for Python's default of min(32, processors + 4).

    >>> thread_count({"PYTHON_THREADPOOL_THREAD_COUNT": "3"}), thread_count({})
    (3, None)
    """
    text = environment.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    return int(text) if text.isdigit() and int(text) > 0 else None


def _in_thread(function: LoadedFunction, arguments: Mapping[str, object], context: InvocationContext) -> object:
    _thread_local.invocation_id = context.invocation_id
    try:
        return function.call(**arguments)
    finally:
        _thread_local.invocation_id = None


def _arguments(
    function: LoadedFunction, data: Datum, metadata: Mapping[str, Datum], context: InvocationContext
) -> dict[str, object]:
    trigger = function.trigger.name
    arguments: dict[str, object] = {trigger: decode(function.converters[trigger], data, metadata)}
    arguments |= {output.name: Out() for output in function.outputs}
    return arguments | ({"context": context} if function.wants_context else {})


def _encoded(function: LoadedFunction, arguments: Mapping[str, object], returned: object) -> Outcome:
    if returned is not None and function.returns is None:
        raise RuntimeError(f"function {function.name!r} without a $return binding returned a non-None value")
    outputs = {}
    for output in function.outputs:
        value = arguments[output.name]
        if isinstance(value, Out) and value.get() is not None:
            outputs[output.name] = encode(function.converters[output.name], value.get())
    converted = None if function.returns is None else encode(function.converters["$return"], returned)
    return Outcome(returned=converted, outputs=outputs)


def _tell(function: LoadedFunction, context: InvocationContext, outcome: Outcome, *, seconds: float) -> None:
    end = f"Id={context.invocation_id}, Duration={seconds * 1000:.0f}ms"
    if outcome.ok:
        log.debug("Executed 'Functions.%s' (Succeeded, %s)", function.name, end)
    else:
        log.warning("Executed 'Functions.%s' (Failed, %s) %s%s", function.name, end, outcome.message, _where(outcome))
        log.debug("Traceback of %s", context.invocation_id, exc_info=outcome.error)


def _where(outcome: Outcome) -> str:
    """The line that raised, so that the log leads there without a traceback at INFO level."""
    frames = traceback.extract_tb(outcome.error.__traceback__) if outcome.error else []
    return f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
