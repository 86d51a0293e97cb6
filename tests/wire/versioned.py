"""A container of an account with blob versioning and soft delete, as far as erasing goes, in memory.

What it does is Microsoft's "Blob versioning" and "Delete Blob", section "Permanent delete" (learn.microsoft.com: azure/storage/blobs/
versioning-overview, rest/api/storageservices/delete-blob); the listing's elements are those of "List Blobs". No account was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.wire.blobs import BLOB, error
from tests.wire.server import Answer, Asked, WireServer


@dataclass(slots=True)
class State:
    """One state of a blob: its bytes, and whether it is the current one or soft-deleted."""

    name: str
    version: str
    content: bytes
    current: bool = True
    deleted: bool = False


class VersionedBlobs:
    """`states` are all that it still holds. `permanent` says whether the account allows permanent deletion."""

    def __init__(self, server: WireServer, *, permanent: bool = True) -> None:
        self.states: list[State] = []
        self._permanent = permanent
        server.route("GET", "/data/(?P<container>[a-z]+)", self._list)
        server.route("DELETE", f"/data{BLOB}", self._delete)

    def write(self, name: str, content: bytes) -> str:
        """As a client writes it: what was there becomes an earlier version. Returns the new one's."""
        for state in self._current(name):
            state.current = False
        version = f"2026-11-26T08:00:{len(self.states):02d}.0000000Z"
        self.states.append(State(name, version, content))
        return version

    def kept(self, name: str) -> list[bytes]:
        """The bytes of this blob that storage still holds, whatever it calls them."""
        return [state.content for state in self.states if state.name == name]

    def _current(self, name: str) -> list[State]:
        return [state for state in self.states if state.name == name and state.current]

    def _list(self, asked: Asked, container: str) -> Answer:
        assert asked.query["comp"] == "list", asked.query
        assert asked.query["include"] == "versions,snapshots,deleted", asked.query
        found = [state for state in self.states if state.name.startswith(asked.query["prefix"])]
        blobs = f"<Blobs>{''.join(map(_listed, found))}</Blobs><NextMarker/>"
        text = f'<EnumerationResults ContainerName="{container}">{blobs}</EnumerationResults>'
        return Answer(content=text.encode(), kind="application/xml")

    def _delete(self, asked: Asked, container: str, name: str) -> Answer:
        if "versionid" not in asked.query:
            found = self._current(name)
            for state in found:
                state.current = False
            return Answer(202, content=b"") if found else error(404, "BlobNotFound")
        one = [state for state in self.states if (state.name, state.version) == (name, asked.query["versionid"])]
        if not one:
            return error(404, "BlobNotFound")
        if "deletetype" not in asked.query:
            assert not one[0].current, "the current version is deleted by its name"
            one[0].deleted = True
            return Answer(202, content=b"")
        assert asked.query["deletetype"] == "Permanent"
        if not self._permanent or not one[0].deleted:
            return error(409, "FeatureNotEnabledOrNotSoftDeleted")
        self.states.remove(one[0])
        return Answer(202, content=b"")


def _listed(state: State) -> str:
    marks = "<IsCurrentVersion>true</IsCurrentVersion>" if state.current else ""
    marks += "<Deleted>true</Deleted>" if state.deleted else ""
    length = f"<Content-Length>{len(state.content)}</Content-Length><BlobType>BlockBlob</BlobType>"
    named = f"<Name>{escape(state.name)}</Name><VersionId>{state.version}</VersionId>{marks}"
    return f"<Blob>{named}<Properties>{length}</Properties></Blob>"
