"""`python infra/approved.py URL AUDIENCE RELEASE [VERSION]`: may a pipeline carry this release's version on?

A pipeline's environment has no approval of its own for a model: it asks Baton for the one that a person gave there. Yes, if the
release goes or has gone live as a person approved it, and is of that VERSION where one is named. Then it prints `release=`,
`version=` and `certificate=`, in the form of $GITHUB_OUTPUT. Else it ends with 1, and what to do next. It only reads,
with the token of who is signed in to `az` for AUDIENCE, the app registration's application id URI. Needs Python and az.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

APPROVED = ("rolling out", "live")
RELEASE = re.compile(r"[a-z][a-z0-9-]{0,19}-[0-9]{4,12}")
PLAIN = re.compile(r"[\w./:-]{1,200}")


def release_of(url: str, token: str, release: str) -> Mapping[str, Any]:
    """The release as Baton's API gives it; `SystemExit` with the reason where it gives none."""
    if not RELEASE.fullmatch(release):
        raise SystemExit(f"{release[:60]!r} is no release; one is a model and a number, such as diabetes-0012")
    where = f"{url.rstrip('/')}/api/releases/{release}"
    request = urllib.request.Request(where, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - the operator's own URL
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            found = json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        told = refused.read()[:300].decode(errors="replace")
        raise SystemExit(f"{where} is answered {refused.code}: {told}") from refused
    except (OSError, ValueError) as error:
        raise SystemExit(f"{where} gives no answer that can be read: {error}; nothing is carried on") from error
    if not isinstance(found, dict) or found.get("id") != release:
        raise SystemExit(f"{where} is not about {release}; is {url} the app's own address?")
    return found


def refusal(found: Mapping[str, Any], version: str = "") -> str:
    """Why the version may not be carried on; "" if it may."""
    release, state = found["id"], found["state"]
    if state not in APPROVED:
        asked = (
            "its approvers decide there, then run this again"
            if state == "awaiting approval"
            else f"`baton explain {release}`"
        )
        return f"{release} is {state}, must be {' or '.join(APPROVED)}: {asked}"
    if not found.get("approved_by"):
        return f"{release} is {state} and nobody approved it: `baton explain {release}`"
    if not all(PLAIN.fullmatch(str(found.get(name, ""))) for name in ("version", "certificate")):
        return f"{release} has no version with a certificate: `baton explain {release}`"
    if version and version != found["version"]:
        return f"{release} is about version {found['version']}, not {version}: name the release of that version"
    return ""


def az(resource: str) -> str:
    """A token of who is signed in to az, which itself says on stderr why it gives none."""
    command = ["az", "account", "get-access-token", "--resource", resource, "--query", "accessToken", "--output", "tsv"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main(arguments: Sequence[str], token: str = "") -> int:
    if len(arguments) not in (3, 4):
        raise SystemExit(__doc__)
    url, audience, release, *version = arguments
    found = release_of(url, token or az(audience), release)
    if why := refusal(found, *version):
        print(why, file=sys.stderr)
        return 1
    print(f"release={release}\nversion={found['version']}\ncertificate={found['certificate']}")
    print(f"approved by {found['approved_by']!r}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
