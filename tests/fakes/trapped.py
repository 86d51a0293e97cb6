"""A port behind a trap: around each call of its role, a test's function is told, and may raise as a crash would.

`before` stands for a process that ends before the call has any effect, `after` for one that ends, or whose
answer is lost, once the effect is there. The wrapped object may be a fake or a real adapter.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from shared.notify import Notifier
from shared.platforms.port import Endpoints, Registry, Trainer
from shared.storage.port import Bells, Blobs, Table

ROLES: dict[str, type] = {
    "table": Table,
    "bells": Bells,
    "blobs": Blobs,
    "trainer": Trainer,
    "registry": Registry,
    "endpoints": Endpoints,
    "notifier": Notifier,
}
P = TypeVar("P")


class Crash(BaseException):
    """The process ends here. No `except Exception` of the product may catch it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a port: its role (`table`, `bells`, ...), its method, and the arguments it was given."""

    role: str
    method: str
    given: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.role}.{self.method}"


class Trap(Protocol):
    """Told of every call, before and after its effect, also where the call fails; what it raises, the caller gets."""

    def __call__(self, when: Literal["before", "after"], call: Call) -> None: ...


def no_trap(when: Literal["before", "after"], call: Call) -> None:
    """The trap that never springs."""


def calls_of(role: str) -> tuple[str, ...]:
    """The methods of a role, as its Protocol declares them."""
    return tuple(name for name, found in vars(ROLES[role]).items() if callable(found) and not name.startswith("_"))


class _Trapped:
    """Everything of the port as it is; only the calls of its role go through the trap."""

    def __init__(self, port: Any, role: str, trap: Trap) -> None:
        self._port = port
        self._role = role
        self._trap = trap
        self._calls = calls_of(role)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return functools.partial(self._through, name, found) if name in self._calls else found

    def _through(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        call = Call(self._role, name, args)
        self._trap("before", call)
        try:
            answer = method(*args, **kwargs)
        except Exception:
            self._trap("after", call)
            raise
        if isinstance(answer, Iterator):
            answer = list(answer)
        self._trap("after", call)
        return answer


def trapped(port: P, role: str, trap: Trap) -> P:
    """The port, behind the trap.

    >>> class Loud:
    ...     def ring(self, queue, model, *, after=None): print("rung", queue)
    >>> trapped(Loud(), "bells", lambda when, call: print(when, call)).ring("advance", "m")
    before bells.ring
    rung advance
    after bells.ring
    """
    behind: Any = _Trapped(port, role, trap)
    found: P = behind
    return found


def every_call(roles: Iterable[str] = tuple(ROLES)) -> list[str]:
    """Every call of every role, as `Call` prints it."""
    return [f"{role}.{name}" for role in roles for name in calls_of(role)]
