"""checkov reads every Bicep file with its rules and ours; each rule of ours finds its broken input."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.bicep import INFRA, declared, files
from tests.checkov.__main__ import Scan, faults, scan
from tests.checkov.doors import DOORS, rule

BROKEN = "'Wrong'"
MISSED = """
param open bool
var shut = true
resource conditional 'Microsoft.Storage/storageAccounts@2025-06-01' = if (open) {
  name: 'a'
  properties: { allowSharedKeyAccess: true }
}
resource looped 'Microsoft.Storage/storageAccounts@2025-06-01' = [for name in [ 'a' ]: {
  name: name
  properties: { allowSharedKeyAccess: true }
}]
resource told 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: 'a'
  properties: { allowSharedKeyAccess: open, allowBlobPublicAccess: shut }
}
resource outer 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: 'a'
  resource blobs 'blobServices' = {
    name: 'default'
    resource inner 'containers' = {
      name: 'x'
      properties: { publicAccess: 'Blob' }
    }
  }
}
"""


def literal(value: object) -> str:
    """A value as Bicep writes it, in the form that both readers of the files know."""
    if isinstance(value, list):
        return "[\n" + "".join(f"{literal(one)}\n" for one in value) + "]"
    return json.dumps(value).replace('"', "'")


def made(what: str, settings: dict[tuple[str, ...], str]) -> str:
    """A resource of this kind with these settings, as Bicep text."""
    tree: dict[str, object] = {}
    for path, value in settings.items():
        place = tree
        for step in path[:-1]:
            place = place.setdefault(step, {})  # type: ignore[assignment]
        place[path[-1]] = value
    return f"resource one '{what}@2025-01-01' = {_object({'name': repr('x'), **tree})}\n"


def _object(tree: object) -> str:
    if not isinstance(tree, dict):
        return str(tree)
    return "{\n" + "".join(f"  {name}: {_object(value)}\n" for name, value in tree.items()) + "}"


def whole(what: str) -> dict[tuple[str, ...], str]:
    return {path: literal(value) for path, value in DOORS[what].items()}


def broken() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Each setting of ours, left out and turned round: a file's name, kind, path, and what stands there."""
    for what, settings in DOORS.items():
        for path in settings:
            for word, value in (("without", ""), ("wrong", BROKEN)):
                yield f"{rule(what, path)}-{word}.bicep", what, path, value


@pytest.fixture(scope="module")
def ours() -> Scan:
    """What is found in infra/."""
    return scan(INFRA)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What our rules find in broken files, by file; one scan for all of them."""
    folder = tmp_path_factory.mktemp("broken")
    for name, what, path, value in broken():
        settings = {place: said for place, said in {**whole(what), path: value}.items() if said}
        (folder / name).write_text(made(what, settings))
    for number, what in enumerate(DOORS):
        (folder / f"whole-{number}.bicep").write_text(made(what, whole(what)))
    (folder / "missed.bicep").write_text(MISSED)
    (folder / "unread.bicep").write_text("var doubled = map([ 1 ], one => [\n  one\n  one\n])\n")
    seen = scan(folder)
    found: dict[str, set[str]] = {name: {"unread"} for name in seen["unread"]}
    for one in seen["found"]:
        if one["rule"].startswith("BATON_"):
            found.setdefault(one["file"], set()).add(f"{one['rule']} {one['resource'].split('.')[-1]}")
    return found


def test_nothing_is_found_but_what_is_accepted_for_a_reason(ours: Scan) -> None:
    assert faults(ours) == []


def test_every_kind_with_a_rule_of_ours_is_deployed_and_keeps_it(ours: Scan) -> None:
    assert {f"{rule(what, path)} {what}" for what, settings in DOORS.items() for path in settings} <= {
        held.rpartition(".")[0] for held in ours["held"]
    }


def test_every_resource_that_is_made_and_has_rules_was_read(ours: Scan) -> None:
    made_here = {f"{one.what}.{one.symbol}" for text in files().values() for one in declared(text) if not one.existing}
    with_rules = {name for name in made_here if name.rpartition(".")[0] in DOORS}
    assert with_rules <= {held.split(" ", 1)[1] for held in ours["held"]}


@pytest.mark.parametrize(("name", "what", "path", "value"), list(broken()), ids=[name for name, *_ in broken()])
def test_a_door_that_is_open_or_left_to_chance_is_found(
    theirs: dict[str, set[str]], name: str, what: str, path: tuple[str, ...], value: str
) -> None:
    assert theirs[name] == {f"{rule(what, path)} one"}


def test_a_resource_with_all_its_settings_is_well(theirs: dict[str, set[str]]) -> None:
    assert not [name for name in theirs if name.startswith("whole")]


@pytest.mark.parametrize(
    "found",
    [
        "BATON_storageAccounts_allowSharedKeyAccess conditional",
        "BATON_storageAccounts_allowSharedKeyAccess looped",
        "BATON_storageAccounts_allowSharedKeyAccess told",
        "BATON_storageAccounts_allowBlobPublicAccess told",
        "BATON_containers_publicAccess outer__blobs__inner",
    ],
)
def test_a_door_behind_a_condition_a_loop_a_variable_or_in_another_resource_is_found(
    theirs: dict[str, set[str]], found: str
) -> None:
    assert found in theirs["missed.bicep"]


def test_a_file_that_checkov_cannot_read_is_no_pass(theirs: dict[str, set[str]]) -> None:
    assert theirs["unread.bicep"] == {"unread"}


def test_what_nobody_accepted_and_what_is_gone_is_told() -> None:
    one = {"rule": "CKV_1", "resource": "M/x.a", "file": "a.bicep", "line": 3, "says": "Shut it"}
    seen = {"found": [one], "unread": ["b.bicep"], "errors": ["Failed to run check CKV_2"], "held": []}
    assert faults(seen, {("CKV_3", "M/x.b"): "why"}, {"e": "why"}) == [
        "infra/a.bicep:3: M/x.a: Shut it (CKV_1)",
        "infra/b.bicep is not read by checkov: write it so that it parses",
        "checkov: Failed to run check CKV_2",
        "CKV_3 on M/x.b is accepted and no longer found",
        "'e' is accepted and no longer found",
    ]
    assert faults(seen | {"unread": [], "errors": []}, {("CKV_1", "M/x.a"): "why"}, {}) == []
