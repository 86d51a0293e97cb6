"""Which request of a storage client goes wrong, and how: a seeded plan that can be changed at any moment. Pure.

Rates say how often each kind happens for each service; orders say that the very next requests of a
kind go wrong. What has happened is counted, so that a test can say what it proved.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

SERVICES = ("blob", "queue", "table")
MOST_OFTEN = 0.5


class Kind(StrEnum):
    """What can happen to a request. Of `LOST`, `FAILED_AFTER` and `CUT` the effect stands, and the client does not know it."""

    RESET = "reset"
    """The connection is reset before the request arrives: nothing took effect."""
    LOST = "lost"
    """The request arrives and takes effect; its answer is lost, the connection reset."""
    FAILED = "failed"
    """500, and nothing took effect."""
    FAILED_AFTER = "failed-after"
    """500, but the request took effect before."""
    THROTTLED = "throttled"
    """503 with Retry-After, and nothing took effect."""
    SLOW = "slow"
    """The answer comes, after a while."""
    CUT = "cut"
    """The answer ends in the middle of its body."""
    HALF = "half"
    """The request ends in the middle of its body: the service behind sees a broken connection."""


class PlanRefused(ValueError):
    """A plan or an order that makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often what goes wrong (`rates[service][kind]`, a share of the requests), `most` faults in all."""

    seed: int = 0
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    most: int = 1000
    slow_seconds: float = 1.0
    retry_after_seconds: int = 1

    def __post_init__(self) -> None:
        for service, rates in self.rates.items():
            _known(service, "service", SERVICES)
            for kind in rates:
                _known(kind, "kind", tuple(Kind))
            if not 0 <= sum(rates.values()) <= MOST_OFTEN or min(rates.values(), default=0) < 0:
                raise PlanRefused(
                    f"the rates of {service} make {sum(rates.values())}; between 0 and {MOST_OFTEN} is meant"
                )


@dataclass(frozen=True, slots=True)
class Order:
    """The next `times` requests to `service` with this method and this text in their target go wrong as `kind` says.

    An empty `method` or `contains` means any; the first `skip` such requests are let through.
    """

    service: str
    kind: str
    times: int = 1
    method: str = ""
    contains: str = ""
    skip: int = 0

    def __post_init__(self) -> None:
        _known(self.service, "service", SERVICES)
        _known(self.kind, "kind", tuple(Kind))

    def means(self, service: str, method: str, target: str) -> bool:
        """Whether it is about this request."""
        return service == self.service and self.method in ("", method) and self.contains in target


def _known(word: str, what: str, known: Sequence[str]) -> None:
    if word not in known:
        raise PlanRefused(f"no {what} {word!r}; it is one of {', '.join(known)}")


class Dice:
    """Draws the fault of each request, and counts. The same plan and the same requests draw the same faults."""

    def __init__(self, plan: Plan) -> None:
        self.seen: Counter[str] = Counter()
        self.done: Counter[tuple[str, str]] = Counter()
        self.orders: list[Order] = []
        self.follow(plan)

    def follow(self, plan: Plan) -> None:
        """Go on by another plan; the counts go on as well, and `most` begins anew."""
        self.plan = plan
        self._left = plan.most
        self._random = {name: random.Random(f"{plan.seed}:{name}") for name in SERVICES}  # noqa: S311 - a repeatable draw

    def draw(self, service: str, method: str, target: str) -> Kind | None:
        """What goes wrong with this request; None if nothing does. Orders come before rates."""
        self.seen[service] += 1
        kind = self._ordered(service, method, target) or self._by_chance(service)
        if kind:
            self.done[service, kind] += 1
        return kind

    def counts(self) -> dict[str, dict[str, int]]:
        """What happened so far: `{service: {"requests": n, kind: n, ...}}`, only kinds that happened."""
        found = {name: {"requests": self.seen[name]} for name in SERVICES}
        for (service, kind), count in sorted(self.done.items()):
            found[service][kind] = count
        return found

    def _ordered(self, service: str, method: str, target: str) -> Kind | None:
        at = next((n for n, order in enumerate(self.orders) if order.means(service, method, target)), None)
        if at is None:
            return None
        order = self.orders[at]
        if order.skip:
            self.orders[at] = replace(order, skip=order.skip - 1)
            return None
        if order.times > 1:
            self.orders[at] = replace(order, times=order.times - 1)
        else:
            del self.orders[at]
        return Kind(order.kind)

    def _by_chance(self, service: str) -> Kind | None:
        point = self._random[service].random()
        for kind, rate in self.plan.rates.get(service, {}).items():
            point -= rate
            if point < 0:
                if self._left <= 0:
                    return None
                self._left -= 1
                return Kind(kind)
        return None
