"""Bad files through the whole chain in memory, with the real check of the real diabetes contract.

Each ends with a verdict on the drop itself, a report beside the refused bytes, and a line of the journal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.data.profile import Profile
from shared.events import ModelPublished
from shared.files.folder import folder_files, folder_hash
from shared.journaling import journal
from tests.world import World

DIABETES = Path(__file__).parents[2] / "models" / "diabetes"
HEADER = "PATIENT,AGE,SEX,BMI,BP,S1,S2,S3,S4,S5,S6,Y\n"
ROW = "1,59,2,32.1,101,157,93.2,38,4,4.8598,87,151\n"
GOOD = (HEADER + "".join(ROW.replace("1,", f"{number},", 1) for number in range(1, 31))).encode()
NOTHING_SAID: Mapping[str, str] = {}


class Clinic(World):
    """A world with the diabetes folder published."""

    def publish_diabetes(self) -> None:
        folder = folder_hash(DIABETES)
        for file in folder_files(DIABETES):
            name = f"diabetes/{folder}/{file.relative_to(DIABETES).as_posix()}"
            self.blobs.put("models", name, file, content_type="text/plain")
        self.app.book.list_model("diabetes")
        self.accept("diabetes", ModelPublished(id="p" * 32, at=self.now, by="author", folder=folder))
        self.settle("diabetes")

    def land(self, content: bytes, name: str = "new.csv") -> str:
        """Drop bytes, deliver the event, let everything happen; returns the blob's name."""
        blob = f"diabetes/{name}"
        etag = self.blobs.drop("incoming", blob, content)
        self.app.intake.receive(self.blob_created(blob, etag, len(content)))
        self.wait(timedelta(seconds=10), "diabetes", step=timedelta(seconds=5))
        return blob

    def tags(self, blob: str) -> Mapping[str, str]:
        return self.blobs.tags.get(("incoming", blob), NOTHING_SAID)

    def lines(self, kind: str) -> list[Mapping[str, Any]]:
        """The journal's lines about events of one kind."""
        found = [journal.read(line) for line in self.app.book.journal("diabetes")]
        return [line for line in found if line["event"]["kind"] == kind]

    def problems(self, blob: str) -> list[tuple[str, str, str]]:
        """Rule, what and remedy of each problem in the report that the drop's tag names."""
        container, _, name = self.tags(blob)["report"].partition("/")
        assert b"to mend it" in self.blobs.read(container, name)
        verdict = json.loads(self.blobs.read(container, name.replace(".html", ".json")))
        return [(problem["rule"], problem["what"], problem["remedy"]) for problem in verdict["problems"]]

    def kept(self, content: bytes) -> bool:
        """Whether the refused bytes lie in quarantine."""
        return content in [data for (container, _), (data, _) in self.blobs.blobs.items() if container == "quarantine"]


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    made = Clinic(tmp_path, checker=None)
    made.publish_diabetes()
    return made


REFUSED: Mapping[str, tuple[bytes, str, str]] = {
    "empty": (b"", "empty", "the file is empty"),
    "no rows": (HEADER.encode(), "rows", "the file has a header and no rows"),
    "a workbook": (b"PK\x03\x04" + bytes(40), "format", "the file is an Excel workbook or ZIP archive"),
    "a web page": (b"<html><body>Sign in</body></html>", "header", "the first line names no column of the contract"),
    "bytes": (bytes(range(256)), "format", "the file is no text"),
    "an open quote": (GOOD.replace(b"32.1", b'"32.1', 1), "quotes", "line 2: a quote is opened and never closed"),
    "utf-16 without its mark": (GOOD.decode().encode("utf-16-le"), "format", "the file is no text"),
    "a column too few": (
        GOOD.replace(b",S6,Y\n", b",Y\n").replace(b",87,151\n", b",151\n"),
        "missing_column",
        "column S6 is missing",
    ),
    "a column twice": (GOOD.replace(b",S6,", b",S5,"), "header", "column S5 stands 2 times"),
    "latin-1 in the header": (
        GOOD.replace(b"AGE", "\xc4LTER".encode("latin-1")),
        "encoding",
        "the header is not UTF-8; it looks like Latin-1",
    ),
}


@pytest.mark.parametrize("why", sorted(REFUSED))
def test_a_bad_file_is_refused_and_nothing_of_it_is_lost(clinic: Clinic, why: str) -> None:
    content, rule, what = REFUSED[why]
    blob = clinic.land(content)
    assert clinic.tags(blob)["baton"] == "refused"
    (told,) = [(said, remedy) for broken, said, remedy in clinic.problems(blob) if broken == rule and said == what]
    assert told[1]
    assert clinic.kept(content)
    (line,) = clinic.lines("FileRefused")
    assert (line["event"]["blob"], what in line["event"]["summary"]) == (f"incoming/{blob}", True)
    (note,) = [note for note in line["notes"] if note["what"] == "drop refused"]
    assert note["next"].startswith(f"read {clinic.tags(blob)['report']}, mend the file")
    assert clinic.head("diabetes").next_file == 1


def test_latin_1_values_are_refused_by_row(clinic: Clinic) -> None:
    blob = clinic.land(GOOD.replace(b"3,59,", "3,f\xfcnfzig,".encode("latin-1"), 1))
    assert clinic.tags(blob)["baton"] == "refused"
    assert clinic.problems(blob)


def test_a_byte_order_mark_is_no_fault(clinic: Clinic) -> None:
    blob = clinic.land(b"\xef\xbb\xbf" + GOOD)
    assert (clinic.tags(blob)["baton"], clinic.head("diabetes").next_file) == ("accepted", 2)


@pytest.mark.parametrize(
    "name",
    [
        "report.html",
        "report.json",
        "contract.yaml",
        "contract",
        "drop",
        "a b (1).csv",
        "...",
        "x" * 900,
        "Größe.csv",
        "a.csv#1",
    ],
)
def test_a_refused_file_of_any_name_lies_beside_its_report(clinic: Clinic, name: str) -> None:
    blob = clinic.land(b"no table", name)
    assert clinic.tags(blob)["baton"] == "refused"
    assert clinic.problems(blob)
    assert clinic.kept(b"no table")


@pytest.mark.parametrize("name", ["contract.yaml", "a b (1).csv", "2024.01.02 v2.final patients", "x" * 900, "Größe"])
def test_a_good_file_of_any_name_is_accepted(clinic: Clinic, name: str) -> None:
    blob = clinic.land(GOOD, name)
    assert clinic.tags(blob)["baton"] == "accepted"
    (file,) = clinic.app.book.files("diabetes", 1)
    assert (file.rows, file.blob) == (30, f"incoming/{blob}")


def test_a_file_uploaded_twice_is_one_file(clinic: Clinic) -> None:
    clinic.land(GOOD)
    blob = clinic.land(GOOD)
    assert clinic.head("diabetes").next_file == 2
    assert clinic.tags(blob) == {"baton": "accepted", "version": "1"}
    assert "holds the same bytes as file 1" in clinic.lines("FileAccepted")[1]["why"]


def test_the_same_bytes_under_another_name_add_nothing_and_say_so_on_the_drop(clinic: Clinic) -> None:
    clinic.land(GOOD)
    blob = clinic.land(GOOD, "again.csv")
    assert clinic.head("diabetes").next_file == 2
    assert clinic.tags(blob) == {"baton": "accepted", "version": "1"}


def test_a_refused_file_dropped_again_is_refused_again_with_one_report(clinic: Clinic) -> None:
    first, second = clinic.land(b"no table"), clinic.land(b"no table")
    assert clinic.tags(first) == clinic.tags(second)
    assert len(clinic.lines("FileRefused")) == 2
    assert len(list(clinic.blobs.names("quarantine", "diabetes/"))) == 3


def test_an_empty_blob_that_is_filled_in_a_moment_is_judged_by_what_it_becomes(clinic: Clinic) -> None:
    """Stream writers create an empty blob first: that one has a few seconds to become whole."""
    blob = "diabetes/new.csv"
    clinic.app.intake.receive(clinic.blob_created(blob, clinic.blobs.drop("incoming", blob, b""), 0))
    clinic.settle("diabetes")
    clinic.land(GOOD)
    assert (clinic.tags(blob)["baton"], clinic.head("diabetes").next_file) == ("accepted", 2)
    assert clinic.lines("FileRefused") == []


# Changed under the reader's hands


def on_call(number: int, act: Callable[[], object]) -> Callable[[str], None]:
    """A trap that acts once, at the `number`-th look at a blob."""
    looks = iter(range(1, 1000))

    def trap(call: str) -> None:
        if call == "before look" and next(looks) == number:
            act()

    return trap


@pytest.fixture(params=[1, 2], ids=["before it is read", "between look and read"])
def moment(request: pytest.FixtureRequest) -> int:
    """At which look at the blob something happens to it."""
    return int(request.param)


def test_a_file_overwritten_while_it_is_read_counts_as_its_last_writing(clinic: Clinic, moment: int) -> None:
    blob, better = "diabetes/new.csv", GOOD.replace(b",151\n", b",152\n")
    clinic.blobs.trap = on_call(moment, lambda: clinic.blobs.drop("incoming", blob, better))
    clinic.land(GOOD)
    (line,) = clinic.lines("FileGone")
    assert line["event"]["reason"].startswith("overwritten ")
    assert line["notes"][0]["next"]
    assert clinic.head("diabetes").next_file == 1
    written = clinic.blobs.look("incoming", blob)
    assert written is not None
    clinic.app.intake.receive(clinic.blob_created(blob, written.etag, written.size))
    clinic.settle("diabetes")
    assert (clinic.tags(blob)["baton"], clinic.head("diabetes").next_file) == ("accepted", 2)


def test_a_file_removed_before_it_is_read_is_told_as_gone(clinic: Clinic, moment: int) -> None:
    blob = "diabetes/new.csv"
    clinic.blobs.trap = on_call(moment, lambda: clinic.blobs.blobs.pop(("incoming", blob)))
    clinic.land(GOOD)
    (line,) = clinic.lines("FileGone")
    assert line["event"]["reason"].startswith("removed ")
    assert (line["notes"][0]["what"], bool(line["notes"][0]["next"])) == ("drop gone", True)
    assert (clinic.tags(blob), clinic.head("diabetes").next_file) == ({}, 1)


def test_a_file_removed_after_its_verdict_keeps_its_rows(clinic: Clinic) -> None:
    blob = clinic.land(GOOD)
    del clinic.blobs.blobs[("incoming", blob)]
    (file,) = clinic.app.book.files("diabetes", 1)
    container, _, name = f"datasets/{file.stored}".partition("/")
    assert clinic.blobs.read(container, name) == GOOD


def test_an_accepted_file_has_its_profile_beside_it_and_a_refused_one_none(clinic: Clinic) -> None:
    clinic.land(GOOD)
    clinic.land(GOOD.replace(b",59,", b",-5,"), "broken.csv")
    found = [name for container, name in clinic.blobs.blobs if container == "datasets" and "/profiles/" in name]
    assert found == [f"diabetes/profiles/{hashlib.sha256(GOOD).hexdigest()}.json"]
    assert [file.profile for file in clinic.app.book.files("diabetes", 1)] == found
    profile = Profile.from_dict(json.loads(clinic.blobs.read("datasets", found[0])))
    assert (profile.rows, profile.columns["AGE"].numbers.mean) == (30, 59)
