"""Who a contract names as the owner of the data, without the classes that check it."""

from __future__ import annotations

from typing import Any

import yaml

LONGEST = 200


def owner_of(contract: bytes) -> str:
    """The first member of the contract's `team` whose role is an owner's; empty if nobody is.

    `team` is a list of members, or since 3.1 a mapping that holds one. A contract that cannot be read names nobody here:
    its check says what is wrong with it.
    """
    try:
        found = yaml.safe_load(contract.decode())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return ""
    team = found.get("team") if isinstance(found, dict) else None
    members = team.get("members") if isinstance(team, dict) else team
    listed = members if isinstance(members, list) else []
    owners = (_name(member) for member in listed if isinstance(member, dict) and _owns(member))
    return next(filter(None, owners), "")


def _owns(member: dict[str, Any]) -> bool:
    return "owner" in str(member.get("role", "")).casefold() and not member.get("dateOut")


def _name(member: dict[str, Any]) -> str:
    return str(member.get("username") or member.get("name") or "")[:LONGEST]
