"""What a contract says of itself, read without the classes that check it: its version, its data's owner, what it points to.

What is wrong in a contract its check tells; here it says nothing then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

LONGEST, VERSION_ROOM = 200, 40
NAMED = "relationships"


def contract_version(contract: bytes | str) -> str:
    """What a contract calls its own version; "" if it does not say.

    >>> contract_version("kind: DataContract\\nversion: 1.0.0")
    '1.0.0'
    """
    version = _read(contract).get("version")
    return str(version)[:VERSION_ROOM] if version is not None else ""


def owner_of(contract: bytes | str) -> str:
    """The first member of the contract's `team` whose role is an owner's; empty if nobody is.

    `team` is a list of members, or since 3.1 a mapping that holds one.
    """
    team = _read(contract).get("team")
    members = team.get("members") if isinstance(team, dict) else team
    listed = members if isinstance(members, list) else []
    owners = (_name(member) for member in listed if isinstance(member, dict) and _owns(member))
    return next(filter(None, owners), "")


def datasets_of(contract: str) -> list[str]:
    """The datasets that the foreign keys of a contract's properties and of its table point to, by name."""
    if NAMED not in contract:
        return []
    try:
        table = _read(contract)["schema"][0]
        links = [link["to"] for item in (table, *table["properties"]) for link in item.get(NAMED) or []]
    except (LookupError, TypeError, AttributeError):
        return []
    named = [str(name) for to in links for name in (to if isinstance(to, list) else [to])]
    return sorted({name.partition(".")[0] for name in named})


def _read(contract: bytes | str) -> Mapping[str, Any]:
    try:
        text = contract.decode() if isinstance(contract, bytes) else contract
        found = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _owns(member: dict[str, Any]) -> bool:
    return "owner" in str(member.get("role", "")).casefold() and not member.get("dateOut")


def _name(member: dict[str, Any]) -> str:
    return str(member.get("username") or member.get("name") or "")[:LONGEST]
