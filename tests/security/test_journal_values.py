"""What is journalled can never be erased, so no sentence of a verdict that goes there may hold a value of a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.data.check import check
from shared.data.contract import read_contract

CONTRACT = Path(__file__).resolve().parents[2] / "models" / "diabetes" / "contract.yaml"
HEADER = "PATIENT,AGE,SEX,BMI,BP,S1,S2,S3,S4,S5,S6,Y\n"
PERSON = "Mustermann"


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}{PERSON},1,2\n",
        HEADER + f'1,"{PERSON},3\n' * 3,
        f"{PERSON},1,2\n4,5,6\n",
        f"{PERSON}\n",
        HEADER + ",".join([PERSON] * 12) + "\n",
        f"{HEADER}1,59,2,32.1,101,157,93.2,38,4,4.86,87,{PERSON}\n",
        f'{{"PATIENT": 1, "AGE": "{PERSON}"\n{{bad\n',
        f'{{"PATIENT": "{PERSON}"}}\n{{"PATIENT": {{"x": "{PERSON}"}}}}\n',
        f"[{PERSON}]\n",
        f"PAR1{PERSON}PAR1",
    ],
)
def test_the_sentence_that_is_journalled_of_a_refused_drop_holds_no_value(tmp_path: Path, content: str) -> None:
    file = tmp_path / "drop"
    file.write_text(content)
    verdict = check(file, read_contract(CONTRACT))
    assert not verdict.accepted
    assert PERSON not in verdict.summary
