"""What the selection rules say of tables that people have published or litigated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evenhand.audit.run import flow
from evenhand.audit.subject.spec import make_spec
from evenhand.policies.verdict import Verdict

Table = dict[tuple[str, str], tuple[int, int]]  # (sex, race) -> selected, of how many
FACTS = {"system.domain": "promotion", "system.places": ["US-NY-NYC"]}


def verdicts(folder: Path, table: Table, pack: str, **changes: Any) -> dict[str, Verdict]:
    rows = [
        {"sex": sex, "race": race, "chosen": int(i < k)}
        for (sex, race), (k, n) in table.items()
        for i in range(n)
    ]
    pd.DataFrame(rows).to_csv(folder / "rows.csv", index=False)
    given: dict[str, Any] = {
        "predictions": str(folder / "rows.csv"),
        "predicted": "chosen",
        "positive_label": 1,
        "positive_is": "benefit",
        "roles": {"sex": "sex", "race": "race"},
        "facts": FACTS,
        "policy": (pack,),
        "checks": ("needed",),
        "out": str(folder / "case"),
        **changes,
    }
    case, packs = flow.measure(make_spec(given))
    day = flow.today(None)
    return {v.item: v for v in flow.verdicts_of(case, packs, day)}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))


def test_ricci_fails_the_uniform_guidelines(tmp_path: Path) -> None:
    """Ricci v. DeStefano, 557 U.S. 557 (2009): of 68 white candidates 41 passed, of 50 others 15.

    15/50 over 41/68 is .300 / .603 = .498, and p = .003 whatever was explored beside it.
    """
    table = {("m", "white"): (41, 68), ("m", "other"): (14, 46), ("f", "other"): (1, 4)}
    found = verdicts(tmp_path, table, "us-ugesp-four-fifths")["UGESP-01"]
    assert (found.status, found.underlying) == ("fail", "fail")
    assert found.value == pytest.approx((15 / 50) / (41 / 68), abs=5e-4)
    assert "below 0.80 (guidance), beyond chance" in found.because["en"]


SMALL = {
    ("f", "a"): (300, 1000),
    ("m", "a"): (360, 1000),
    ("f", "b"): (280, 1000),
    ("m", "b"): (350, 1000),
    ("m", "c"): (18, 20),  # 20 of 4,020 people, of whom 90 % are selected
}


def test_ll144_leaves_small_categories_out_and_never_divides_by_them(tmp_path: Path) -> None:
    """By race: a 660/2000 = .33, b 630/2000 = .315, c .9 of 20 people, which is .5 % of the table.

    Divided by c they would be .37 and .35; without it b's ratio is .315 / .33 = .955.
    """
    found = verdicts(tmp_path, SMALL, "us-nyc-ll144")
    table = found["LL144-02"]
    assert table.status == "pass"
    assert "left out as too small: c (under 0.02 of the people in its table" in table.because["en"]
    assert "未计入" in table.because["zh"]
    screen = found["LL144-09"]
    assert screen.value == pytest.approx((580 / 2000) / (728 / 2020))  # women over men, no race


def test_a_case_that_was_not_measured_so_is_not_judged_so(tmp_path: Path) -> None:
    """An audit that lets c be the highest group says nothing of the others without c."""
    options = {"fairness.four_fifths": {"minimum_share": 0.0}}
    found = verdicts(tmp_path, SMALL, "us-nyc-ll144", options=options)["LL144-09"]
    assert (found.status, found.reason_code) == ("inconclusive", "audit-again")
