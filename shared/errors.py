"""Errors say what happened, with its values, and what to do next.

Two parents decide what the chain does with an error: `Retryable` is tried again with a growing
pause, `Permanent` is recorded at once. Everything that is neither counts as retryable a few times
and then goes to the dead letters, so that an unknown fault is never lost.
"""

from __future__ import annotations


class BatonError(Exception):
    """What happened, and the next step for the person who reads it.

    >>> str(BatonError("no file", next="drop one"))
    'no file Next: drop one.'
    """

    def __init__(self, what: str, *, next: str) -> None:
        super().__init__(what)
        self.what = what
        self.next = next

    def __str__(self) -> str:
        return f"{self.what} Next: {self.next}{'' if self.next.endswith('.') else '.'}"

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.what, self.next)


def _restore(kind: type[BatonError], what: str, next: str) -> BatonError:
    return kind(what, next=next)


class Permanent(BatonError):
    """Trying again changes nothing; a person or a new event must."""


class Retryable(BatonError):
    """The same call may succeed later: throttling, a lost connection, a busy platform."""


class NameRefused(Permanent):
    """A name breaks the rule of its kind."""


class SpecRefused(Permanent):
    """A model folder is not valid; the message lists every fault with file, line and remedy."""


class SettingsRefused(Permanent):
    """The app's configuration misses or misstates names; the message lists all of them."""


class EventRefused(Permanent):
    """An event arrived that may not be trusted or understood; the reason says which rule it breaks."""


class MetricMissing(Permanent):
    """A run ended without the number that a gate needs."""


class RunFailed(Permanent):
    """A run ended without a result; the message carries its last words."""


class TrafficMoved(Permanent):
    """The endpoint's traffic split is not the one that the decision was made on."""


class LedgerConflict(Retryable):
    """Somebody else committed first; read again and decide again."""


class RowDamaged(Permanent):
    """A row that every decision needs cannot be read by any release; it must be mended before the model goes on."""


class NewerForm(Retryable):
    """A later release of Baton wrote this; it is left as it is, for a worker of that release."""


class HeadLost(Permanent):
    """A model's head is gone while its journal is there: the table is damaged, and nothing may begin anew over it."""


class JournalBroken(Permanent):
    """The journal's rows, or a segment, are not what the hash chain says: nothing is closed, removed or rebuilt."""


class PlatformBusy(Retryable):
    """The ML platform or an endpoint did not answer, or asked us to wait."""


class CapacityRefused(Retryable):
    """The platform answered that it has no room now: a quota, a throttle. `after_seconds` is its own wish, 0 for none.

    Nothing is wrong, so waiting for it uses up no try.
    """

    def __init__(self, what: str, *, next: str, after_seconds: float = 0.0) -> None:
        super().__init__(what, next=next)
        self.after_seconds = after_seconds

    def __reduce__(self) -> tuple[object, ...]:
        return _restore_refusal, (self.what, self.next, self.after_seconds)


def _restore_refusal(what: str, next: str, after_seconds: float) -> CapacityRefused:
    return CapacityRefused(what, next=next, after_seconds=after_seconds)
