"""Charts in a report: what is drawn, what is left out, and that nothing of a file runs in them."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from shared.data.charts import charts
from shared.data.check import check
from shared.data.checking import PROFILE
from shared.data.contract import parse_contract
from shared.data.profile import Profile, merged
from shared.data.verdict import Verdict
from tests.unit.test_report import Text
from tests.unit.test_sift import HEAD
from tests.world import World

CONTRACT = parse_contract(
    HEAD
    + "      - {name: AGE, logicalType: number}\n      - {name: TOWN, logicalType: string}\n"
    + "      - {name: MAIL, logicalType: string, classification: restricted}\n"
)


def profile(folder: Path, *rows: str) -> Profile:
    (folder / "drop").write_text("\n".join(["AGE,TOWN,MAIL", *rows]) + "\n", encoding="utf-8")
    found = Profile.of(CONTRACT)
    assert check(folder / "drop", CONTRACT, found).accepted
    return found


def heights(svg: str) -> list[float]:
    return [float(height) for height in re.findall(r'class="now"[^>]* height="([\d.]+)"', svg)]


def test_a_histogram_has_the_shares_of_the_values(tmp_path: Path) -> None:
    rows = [f"{age},Ulm,a@b" for age in [0] * 30 + [7.9] * 60 + [16] * 10]
    page = charts(profile(tmp_path, *rows), None)
    drawing = page[page.index("AGE") :].split("</svg>")[0]
    found = heights(drawing)
    assert len(found) == 16
    assert [round(found[place] / max(found), 2) for place in (0, 7, 15)] == [0.5, 1.0, 0.17]
    assert "median 7.9" in drawing


def test_the_files_before_are_drawn_beside_and_what_moved_is_told_first(tmp_path: Path) -> None:
    before = profile(tmp_path, *(f"{number % 50},{'Ulm' if number % 2 else 'Bonn'},x@y" for number in range(1000)))
    now = profile(tmp_path, *(f"{number % 50 + 40},Ulm,x@y" for number in range(1000)))
    page = charts(now, merged([before]), files=1)
    told = Text(page).text
    assert "2 of 3 columns look different from before" in told
    assert "1 file accepted before, 1000 rows" in told
    assert page.count('class="then"') == 3  # one line, two bars
    assert told.index("look different") < page.index("<svg")


def test_what_stands_in_a_file_stays_text_and_personal_columns_are_not_drawn(tmp_path: Path) -> None:
    now = profile(tmp_path, *(f"1,<script>x</script>{number % 2},secret@b" for number in range(10)))
    page = charts(now, None)
    assert Text(page).loading == []
    assert "secret" not in page
    assert "MAIL" not in page
    for drawing in re.findall(r"<svg.*?</svg>", page):
        ElementTree.fromstring(drawing)


def test_columns_without_a_value_are_left_out(tmp_path: Path) -> None:
    assert charts(profile(tmp_path, ",,", ",,"), None) == ""


def test_the_report_of_a_drop_is_drawn_beside_the_files_before_it(tmp_path: Path) -> None:
    def profiled(file: Path, contract: Path) -> Verdict:
        found = Profile.of(CONTRACT)
        verdict = check(file, CONTRACT, found)
        found.save(file.with_name(PROFILE))
        return verdict

    world = World(tmp_path, checker=profiled)
    world.publish(files=9, quiet=86400)
    world.settle()
    for number, rows in enumerate(["1,Ulm,a", "2,Ulm,b", "old,Ulm,c"]):
        world.drop(f"AGE,TOWN,MAIL\n{rows}\n5,Bonn,d\n", name=f"{number}")
        world.settle()
    pages = [
        world.blobs.read(container, name).decode()
        for container in ("reports", "quarantine")
        for name in world.blobs.names(container, "m/")
        if name.endswith(".html")
    ]
    assert all("<svg" in page for page in pages)
    assert sum("2 files accepted before, 4 rows" in page for page in pages) == 1
    assert sum("nothing to compare with" in page for page in pages) == 1


def test_times_are_drawn_on_a_line_of_time_and_labels_are_values_that_people_know(tmp_path: Path) -> None:
    contract = parse_contract(
        HEAD
        + "      - {name: DAY, logicalType: date}\n      - {name: AT, logicalType: timestamp}\n"
        + "      - {name: PAID, logicalType: boolean}\n      - {name: RENT, logicalType: number}\n"
    )
    (tmp_path / "drop").write_text(
        "DAY,AT,PAID,RENT\n2026-01-01,2026-01-01T08:30:00Z,true,5\n2026-03-31,2026-01-02T09:45:00Z,false,99999\n"
    )
    found = Profile.of(contract)
    assert check(tmp_path / "drop", contract, found).accepted
    page = charts(found, None)
    labels = re.findall(r"<text[^>]*>([^<]*)</text>", page)
    assert labels == ["2026-01-01", "2026-03-31", "2026-01-01 08:30", "2026-01-02 09:45", "false", "true", "5", "99999"]
    assert "20454" not in page  # 2026-01-01 in days since 1970


def test_numbers_that_are_further_apart_than_a_float_can_say_are_drawn_by_value(tmp_path: Path) -> None:
    wide = profile(tmp_path, "1e308,Ulm,a@b", "-1e308,Ulm,a@b")
    assert "1e+308" in charts(wide, wide, files=1)
