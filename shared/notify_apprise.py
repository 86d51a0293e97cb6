"""Telling people through apprise: Teams, Slack, e-mail, a webhook, and whatever else it knows by an address.

An address holds its secret, so no error and no log line says more of one than its place in the list and its scheme.
apprise is imported at the first message.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from shared.errors import Retryable
from shared.notify import Message
from shared.settings import ADDRESS

KEPT = 512


class NotTold(Retryable):
    """An address did not take a message; the others did, and are not told again by this process."""


class AppriseNotifier:
    """Tells every message at every address. Repeats only reach those that did not take it, as far as this process knows."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = tuple(addresses)
        self._taken: OrderedDict[str, set[int]] = OrderedDict()

    def tell(self, message: Message) -> None:
        """Tell at each address that has not taken the message yet; `NotTold` names those that did not now."""
        taken = self._taken.setdefault(message.id, set())
        for place in sorted(set(range(len(self._addresses))) - taken):
            if _send(self._addresses[place], message):
                taken.add(place)
        missed = sorted(set(range(len(self._addresses))) - taken)
        while len(self._taken) > KEPT:
            self._taken.popitem(last=False)
        if missed:
            names = ", ".join(f"address {place + 1} ({scheme(self._addresses[place])})" for place in missed)
            raise NotTold(
                f"{names} of BATON_NOTIFY did not take the message {message.id!r}.",
                next="try the address with `apprise -b test ADDRESS`; docs/runbook.md#tell",
            )


def title(message: Message) -> str:
    """What it is about, in one line.

    >>> title(Message("m-000001", "m", "m-0001", "approval asked", "", "", ""))
    'm-0001: approval asked'
    """
    return f"{message.release or message.model}: {message.what}"


def text(message: Message) -> str:
    """Why, for whom, until when, what to do and where to look; a line each, without those that there are not.

    >>> print(text(Message("i", "m", "m-0001", "asked", "it is better", "approve it", "http://b/r", until="2026-03-02T12:00Z")))
    it is better
    Until: 2026-03-02T12:00Z
    Next: approve it
    http://b/r
    """
    lines = [message.why]
    lines += [f"For: {message.to}"] if message.to else []
    lines += [f"Until: {message.until}"] if message.until else []
    lines += [f"Next: {message.next}"] if message.next else []
    return "\n".join([*lines, message.link])


def scheme(address: str) -> str:
    """What of an address may be shown.

    >>> scheme("slack://TokenA/TokenB/TokenC")
    'slack'
    """
    return address.partition("://")[0]


def reads(address: str) -> bool:
    """Whether apprise knows its kind and finds all that it needs in it; nothing is sent."""
    import apprise

    return bool(ADDRESS.fullmatch(address)) and bool(apprise.Apprise.instantiate(address))


def _send(address: str, message: Message) -> bool:
    """Whether the address took it. It is sent as text, so that no word of a file or a person becomes markup."""
    import apprise

    sender = apprise.Apprise()
    try:
        return sender.add(address) and bool(
            sender.notify(title=title(message), body=text(message), body_format=apprise.NotifyFormat.TEXT)
        )
    except Exception:  # noqa: BLE001 - its words may hold the address
        return False
