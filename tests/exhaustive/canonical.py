"""Moments of the search without what never ends: hours, hashes and numbers are taken away, so that equal ones are met again."""

from __future__ import annotations

from shared import names
from shared.state import Basket, Cause, Champion, Head, Release, Rollback
from tests.exhaustive.small import ADOPTED, AHEAD, FOLDER, LAST_TRY, LONG_AGO, MODEL, NOW, Seen, Small, Split, Todo


class _Renamer:
    """New names in the order in which things are met; the same thing has the same name everywhere."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._names: dict[str, str] = {"": ""}

    def __call__(self, name: str) -> str:
        if name not in self._names:
            self._names[name] = f"{self._prefix}{len(self._names)}"
        return self._names[name]


class _Names:
    """How one moment's releases, versions and runs are called in its canonical form."""

    def __init__(self, small: Small) -> None:
        found = {name for name, _, _ in small.serving} | {one.id for one in small.releases}
        head = small.head
        for champion in (head.champion, head.previous):
            found |= {champion.deployment, champion.release} if champion else set()
        opened = {one.id for one in small.releases}
        for todo in small.todos:
            found |= {todo.release} if todo.kind != "observe_champion" or todo.release in opened else set()
            found |= {*(name for name, _ in (*todo.split, *todo.expected))}
            found |= {name for seen in todo.seen for name, _ in seen.split} | {seen.deployment for seen in todo.seen}
        numbered = sorted((name for name in found if name), key=names.release_number)
        self.releases = {name: names.release_id(MODEL, number) for number, name in enumerate(numbered, 1)} | {"": ""}
        self._open = {one.id: one.state for one in small.releases}
        self.crowded = len(small.releases) > 1
        self.version = _Renamer("v")
        self.run = _Renamer("x")
        self.runs = self._own_runs(small)

    def _own_runs(self, small: Small) -> dict[str, str]:
        """Runs of ours keep release and step; their tries are counted again from 1."""
        used = {one.run for one in small.releases} | {one.train_run for one in small.releases if not one.version}
        used |= {todo.run for todo in small.todos}
        found: dict[str, str] = {"": ""}
        tries: dict[str, int] = {}
        for run in sorted(run for run in used if names.release_of_run(run)):
            of, step, _ = run.rsplit("-", 2)
            place = f"{self.releases.get(of, of)}-{step}"
            tries[place] = tries.get(place, 0) + 1
            found[run] = f"{place}-{tries[place]}"
        self.tries = tries
        return found

    def waiting(self, todo: Todo) -> str:
        """Whom an answer is for: what was observed for a release that has ended is for the model as a whole."""
        return "" if todo.kind == "observe_champion" and todo.release not in self._open else todo.release

    def needs_split(self, todo: Todo) -> bool:
        """Whether the answer's whole split is read: only before the first traffic of a roll-out; else what has most of it."""
        return todo.kind != "observe_champion" or self._open.get(todo.release) == "rolling out"

    def own(self, run: str) -> str:
        return self.runs[run] if run in self.runs else self.run(run)

    def of(self, split: Split) -> Split:
        return tuple(sorted((self.releases[name], share) for name, share in split))


def canonical(small: Small, *, bounded: bool) -> Small:
    """The same moment with every absolute thing taken away. `bounded` keeps whether a release was opened of late."""
    named = _Names(small)
    return Small(
        _head(small, named, bounded=bounded),
        tuple(_release(release, named) for release in small.releases),
        tuple(sorted([_todo(todo, named) for todo in small.todos])),
        tuple(sorted((named.releases[name], named.version(version), share) for name, version, share in small.serving)),
        tuple(sorted(named.version(version) for version in small.early)),
    )


def _head(small: Small, named: _Names, *, bounded: bool) -> Head:
    head = small.head
    rollback = head.rollback
    target = _champion(rollback.target, named) if rollback else None
    return Head(
        MODEL,
        FOLDER,
        "author",
        next_release=len(named.releases),
        next_file=_files(head.basket, head)[1],
        next_command=len(small.todos) + 1,
        next_line=2,
        basket=_basket(head, named),
        building=named.releases[head.building],
        shipping=named.releases[head.shipping],
        champion=_champion(head.champion, named),
        previous=_champion(head.previous, named),
        warm_until=AHEAD if head.warm_until else None,
        rollback=Rollback("operations", "", target, AHEAD) if target else None,
        paused="operations" if head.paused else "",
        paused_at=NOW if head.paused else None,
        outstanding=len(small.todos),
        early=len(small.early),
        moves=1,
        opened=(NOW,) if bounded and head.opened and head.opened[-1] > LONG_AGO else (),
    )


def _files(basket: Basket, head: Head) -> tuple[int, int]:
    """First new file and next one: what counts is whether there was a file before, and whether one is new."""
    first = min(basket.first_file, 2)
    return first, first + min(head.next_file - basket.first_file, 1)


def _basket(head: Head, named: _Names) -> Basket:
    basket = head.basket
    causes = []
    for cause in basket.causes:
        detail = named.version(cause.detail) if cause.kind == "registered" else named.own(cause.detail)
        causes.append(Cause(cause.kind, "e", NOW, detail if cause.kind in ADOPTED else ""))
    first, following = _files(basket, head)
    last_at = None if following == first else LONG_AGO if basket.last_at and basket.last_at <= LONG_AGO else NOW
    return Basket(first_file=first, last_at=last_at, look_at=AHEAD if basket.look_at else None, causes=tuple(causes))


def _champion(champion: Champion | None, named: _Names) -> Champion | None:
    if champion is None:
        return None
    deployment, release = named.releases[champion.deployment], named.releases[champion.release]
    return Champion(named.version(champion.version), deployment, release, FOLDER, NOW)


_MADE: dict[object, tuple[Release, Release]] = {}


def _release(release: Release, named: _Names) -> Release:
    """The canonical release; the same object for the same names, since there are few and they are asked for often."""
    name = named.releases[release.id]
    runs = (named.own(release.run), "" if release.version else named.own(release.train_run))
    versions = (named.version(release.version), named.version(release.against))
    split = tuple(sorted((named.releases[one], share) for one, share in release.split.items() if share))
    tries = tuple(named.tries.get(f"{name}-{letter}", 0) for letter in "tjc")
    attempt = release.attempt if not named.crowded else LAST_TRY
    place = (id(release), name, runs, versions, split, tries, attempt)
    if place not in _MADE:
        _MADE[place] = (release, _made(release, name, runs, versions, split, tries, attempt if runs[0] else 1))
    return _MADE[place][1]


def _made(
    release: Release,
    name: str,
    runs: tuple[str, str],
    versions: tuple[str, str],
    split: Split,
    tries: tuple[int, ...],
    attempt: int,
) -> Release:
    past = (("staging", ""),) if any(state == "staging" for state, _ in release.past) else ()
    return Release(
        name,
        MODEL,
        release.state,
        (),
        FOLDER,
        release.author,
        NOW,
        files=1,
        first_new_file=1,
        attempt=attempt,
        runs=dict(zip(names.STEP_LETTERS, tries, strict=True)),
        run=runs[0],
        train_run=runs[1],
        version=versions[0],
        against=versions[1],
        against_folder=FOLDER if release.against else "",
        evidence="e" if release.evidence else "",
        certificate="c" if release.certificate else "",
        nonce="n" if release.nonce else "",
        approved_by="operations" if release.approved_by else "",
        step=release.step,
        step_at=NOW if release.step_at else None,
        split=dict(split),
        moving=release.moving,
        back_why="back" if release.back_why else "",
        ready=release.ready,
        deadline=AHEAD if release.deadline else None,
        owner="somebody" if release.owner else "",
        past=(*past, (release.state, "")),
    )


def _todo(todo: Todo, named: _Names) -> Todo:
    whole = named.needs_split(todo)
    seen = {
        Seen(
            named.version(one.version),
            named.releases[one.deployment],
            named.of(one.split) if whole else (),
            one.refused,
        )
        for one in todo.seen
    }
    return Todo(
        todo.kind,
        named.releases[named.waiting(todo)],
        named.own(todo.run),
        named.version(todo.version),
        todo.purpose,
        named.of(todo.split),
        named.of(todo.expected),
        tuple(sorted(seen)),
        todo.old,
    )


def key(small: Small) -> tuple[object, ...]:
    """Equal for the same moment, and only then."""
    return (head_key(small.head), releases_key(small.releases), small.todos, small.serving, small.early)


def head_key(head: Head) -> tuple[object, ...]:
    """What of the head decides anything."""
    basket, rollback = head.basket, head.rollback
    wanted = (head.next_file, basket.first_file, basket.last_at, basket.look_at, basket.causes)
    serves = (_champion_key(head.champion), _champion_key(head.previous), head.warm_until)
    back = _champion_key(rollback.target) if rollback else ()
    return (wanted, serves, back, head.building, head.shipping, head.paused, head.opened)


def _champion_key(champion: Champion | None) -> tuple[str, ...]:
    return (champion.version, champion.deployment, champion.release) if champion else ()


def releases_key(releases: tuple[Release, ...]) -> tuple[object, ...]:
    """What of the open releases decides anything."""
    return tuple([_release_key(release) for release in releases])


_KEYS: dict[int, tuple[Release, tuple[object, ...]]] = {}


def _release_key(release: Release) -> tuple[object, ...]:
    if id(release) not in _KEYS:
        _KEYS[id(release)] = (release, _told(release))
    return _KEYS[id(release)][1]


def _told(release: Release) -> tuple[object, ...]:
    who = (release.id, release.state, release.version, release.against, release.approved_by, release.owner)
    runs = (release.attempt, tuple(release.runs.values()), release.run, release.train_run)
    proof = (release.evidence, release.certificate, release.nonce, len(release.past))
    traffic = (release.step, release.step_at, tuple(release.split.items()), release.moving, release.back_why)
    return (*who, *runs, *proof, *traffic, release.ready, release.deadline)
