"""`python infra/smoke.py URL [TOPIC AUDIENCE]`: after a deployment, is the door shut for people, and open for events?

Anonymously: no page, no approval, also with a principal that the caller wrote. With the name of the custom topic's
endpoint and the app registration's audience it also sends an event about a model that there is not, with the token of who is
signed in to `az` (EventGrid Data Sender), and looks whether Baton recorded it as ignored. Nothing else is written.
Needs Python and az. Ends with 1 and what to do next if anything is not as it must be.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

GRID = "https://eventgrid.azure.net"
FORGED = {
    "auth_typ": "aad",
    "claims": [{"typ": "oid", "val": str(uuid.UUID(int=1))}, {"typ": "roles", "val": "Baton.Operator"}],
}
ARRIVES_SECONDS = 300
EVENTS = "/api/events"  # the end of a topic's endpoint as Azure tells it
Tokens = Callable[[str], str]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect to the sign-in is an answer of its own."""

    def redirect_request(self, *arguments: object) -> None:
        return None


OPENER = urllib.request.build_opener(NoRedirect)


def ask(url: str, *, headers: Mapping[str, str] | None = None, body: object = None) -> tuple[int, bytes]:
    """Status and body; (0, reason) if nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, dict(headers or {}))  # noqa: S310 - the operator's own URL
    request.add_header("Content-Type", (headers or {}).get("Content-Type", "application/json"))
    try:
        with OPENER.open(request, timeout=60) as answer:
            return int(answer.status), answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except OSError as error:
        return 0, str(error).encode()


def refused(url: str) -> list[str]:
    """What is let through that must not be."""
    approve, why = f"{url}/api/releases/smoke-0001/approve", {"why": "smoke test"}
    principal = base64.b64encode(json.dumps(FORGED).encode()).decode()
    asked = {
        "an anonymous page": ask(f"{url}/"),
        "an anonymous approval": ask(approve, body=why),
        "an approval with a forged principal": ask(
            approve, body=why, headers={"X-MS-CLIENT-PRINCIPAL": principal, "Authorization": "Bearer x"}
        ),
    }
    return [
        f"{what} is answered {status or told.decode()!s:.80}, must be refused by the sign-in (302, 401 or 403)"
        for what, (status, told) in asked.items()
        if status not in (302, 401, 403)
    ]


def arrives(url: str, topic: str, audience: str, tokens: Tokens, *, within: float = ARRIVES_SECONDS) -> list[str]:
    """Whether an event through the custom topic is recorded."""
    number = uuid.uuid4().hex
    model = f"smoke-{number[:8]}"
    headers = {"Authorization": f"Bearer {tokens(GRID)}"}
    where = f"{topic.rstrip('/').removesuffix(EVENTS)}{EVENTS}?api-version=2018-01-01"
    status, told = ask(where, headers=headers, body=[event_about(model, number)])
    if status != 200:
        return [f"the topic answers {status} {told[:200]!r}: give who deploys the role EventGrid Data Sender on it"]
    end = time.monotonic() + within
    while True:
        status, told = ask(f"{url}/api/ignored", headers={"Authorization": f"Bearer {tokens(audience)}"})
        reasons = [str(one.get("reason", "")) for one in entries(told) if status == 200 and one.get("subject") == model]
        if reasons:
            wrong = [reason for reason in reasons if model not in reason]
            return [f"the event {number} arrived and was refused: {reason}" for reason in wrong]
        if time.monotonic() > end:
            break
        time.sleep(min(5.0, within / 10))
    return [
        f"the event {number} about {model} is not recorded after {within:g} s (/api/ignored answers {status}): baton doctor --azure"
    ]


def event_about(model: str, number: str) -> dict[str, object]:
    """A request about this model, in Event Grid's own schema: the topic adds its resource id, by which the app believes it."""
    return {
        "id": number,
        "subject": model,
        "eventType": "Baton.RetrainRequested",
        "eventTime": datetime.now(UTC).isoformat(),
        "dataVersion": "1",
        "data": {"model": model, "by": "smoke test"},
    }


def entries(told: bytes) -> list[dict[str, object]]:
    """The list that /api/ignored gives; none of another answer."""
    try:
        found = json.loads(told)
    except ValueError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def az(resource: str) -> str:
    """A token of who is signed in to az, which itself says on stderr why it gives none."""
    command = ["az", "account", "get-access-token", "--resource", resource, "--query", "accessToken", "--output", "tsv"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main(arguments: Sequence[str]) -> int:
    if len(arguments) not in (1, 3):
        raise SystemExit(__doc__)
    url = arguments[0].rstrip("/")
    faults = refused(url)
    if len(arguments) == 3:
        faults += arrives(url, arguments[1], arguments[2], az)
    else:
        print("not tried: that an event arrives (no topic and audience given)")
    print(
        "\n".join(faults) or "The door is shut for people" + (" and open for events." if len(arguments) == 3 else ".")
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
