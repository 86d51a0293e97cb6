"""Where Baton is: the stack that runs on this laptop, or what the environment says."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Permanent


class NotFoundHere(Permanent):
    """No running Baton, or a part of its address is not known."""


@dataclass(frozen=True, slots=True)
class Address:
    """The settings of a Baton (as `Settings.from_env` reads them) and the sign-in key of who asks ("": nobody)."""

    env: Mapping[str, str]
    token: str = ""

    @property
    def url(self) -> str:
        """Where pages and API answer."""
        return self.setting("BATON_URL").rstrip("/")

    def setting(self, name: str) -> str:
        """One setting; `NotFoundHere` names the one that is missing."""
        if not self.env.get(name):
            raise NotFoundHere(f"{name} is not set, and this command needs it.", next=f"set {name}, or use `baton up`")
        return self.env[name]


def home() -> Path:
    """The folder of local state: BATON_HOME, else the nearest `.baton` here or above that has a stack, else `.baton`."""
    if os.environ.get("BATON_HOME"):
        return Path(os.environ["BATON_HOME"])
    here = Path.cwd()
    found = (folder / ".baton" for folder in (here, *here.parents) if (folder / ".baton" / "stack.json").exists())
    return next(found, Path(".baton"))


def find(user: str = "") -> Address:
    """The Baton that commands talk to, signed in as a user of the laptop if one is named.

    Who only reads is signed in where a key is known, so that the access log names them.
    """
    env = _environment()
    return Address(env, token_of(env, user) if user else _reader(env))


def _reader(env: Mapping[str, str]) -> str:
    try:
        return token_of(env, os.environ.get("BATON_USER", "operations"))
    except NotFoundHere:
        return ""


def _environment() -> Mapping[str, str]:
    if os.environ.get("BATON_URL"):
        return os.environ
    from local import stack

    running = stack.state(home())
    if running is None:
        raise NotFoundHere(
            "No Baton runs here.", next="`baton up` in another terminal, or set BATON_URL and BATON_TOKEN"
        )
    return {**os.environ, **running["env"]}


def token_of(env: Mapping[str, str], user: str) -> str:
    """The sign-in key: BATON_TOKEN, else the one that the laptop's users file has for this user."""
    if env.get("BATON_TOKEN"):
        return env["BATON_TOKEN"]
    file = env.get("BATON_USERS", "")
    if not file or not Path(file).is_file():
        raise NotFoundHere("There is no sign-in key for this.", next="set BATON_TOKEN to your key")
    users: Mapping[str, str] = json.loads(Path(file).read_text())
    tokens = {name: token for token, name in users.items()}
    if user not in tokens:
        raise NotFoundHere(
            f"{user!r} is no user of this laptop.", next=f"use --as with one of {', '.join(sorted(tokens))}"
        )
    return tokens[user]
