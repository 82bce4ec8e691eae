"""Dates as offices write them: read as pandas wrote them, in memory and on disk, or asked about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.data.reading.read import read_table
from evenhand.audit.data.written.dates import dates_in, orders_of
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError
from evenhand.audit.subject.tallying.tally import tally_file

DAYS = pd.Series(pd.date_range("2009-12-20", periods=90, freq="41h"))
WRITTEN = {
    "%d.%m.%Y": "dmy",
    "%d/%m/%Y": "dmy",
    "%m/%d/%Y": "mdy",
    "%m-%d-%Y %H:%M": "mdy",
    "%d/%m/%Y %H:%M:%S": "dmy",
    "%Y/%m/%d": None,
    "%Y%m%d": None,
    "%d %b %Y": None,
    "%d-%b-%Y": None,
    "%B %d, %Y": None,
    "%Y年%m月%d日": None,
    "%Y-%m-%d": None,
}


@pytest.mark.parametrize("pattern", WRITTEN)
def test_what_was_written_is_read(pattern: str, tmp_path: Path) -> None:
    texts = DAYS.dt.strftime(pattern)
    assert orders_of(texts.unique()) == (WRITTEN[pattern],)
    read = dates_in(texts.astype(object), WRITTEN[pattern])
    assert (read.dt.date == DAYS.dt.date).all()
    rows = pd.DataFrame({"since": texts, "y": np.arange(len(DAYS)) % 2})
    rows.to_csv(tmp_path / "d.csv", index=False)
    made = read_table(tmp_path / "d.csv", Reading(types={"since": "date"}))
    assert (made.frame["since"].dt.date == DAYS.dt.date).all()


@pytest.mark.parametrize("pattern", [p for p in WRITTEN if p != "%Y%m%d"])  # numbers, undeclared
def test_bins_of_dates_are_the_same_on_disk(pattern: str, tmp_path: Path) -> None:
    texts = DAYS.dt.strftime(pattern).where(np.arange(len(DAYS)) % 9 > 0)
    path = tmp_path / "d.csv"
    pd.DataFrame({"since": texts, "p": np.arange(len(DAYS)) % 2}).to_csv(path, index=False)
    edge = pd.Timestamp("2010-03-01")
    known = DAYS[texts.notna()]
    tally = tally_file(
        path,
        sensitive_features=["since"],
        predicted="p",
        reading=Reading(bins={"since": ["2010-03-01"]}),
    )
    found = {str(c.group["since"]): c.n for c in tally.counts.cells()}
    assert found == {
        "< 2010-03-01": int((known < edge).sum()),
        "≥ 2010-03-01": int((known >= edge).sum()),
        "unknown": int(texts.isna().sum()),
    }


def test_an_order_that_could_be_either_has_to_be_declared(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("since,p\n3/4/2020,1\n5/6/2021,0\n")
    with pytest.raises(InputError) as refused:
        read_table(path, Reading(types={"since": "date"}))
    assert "--dates dmy or --dates mdy" in refused.value.remedy
    declared = {"types": {"since": "date"}}
    for order, month in (("dmy", 4), ("mdy", 3)):
        made = read_table(path, Reading(dates=order, **declared))
        assert made.frame["since"].dt.month[0] == month


def test_what_is_no_date_is_named_with_what_to_type(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("since,p\n31.01.2020,1\n-,0\n15.02.2020,1\n")
    with pytest.raises(InputError, match=r"row 2: '-' is no date") as refused:
        read_table(path, Reading(types={"since": "date"}))
    assert "--missing since:-," in refused.value.remedy
    assert not orders_of(["31.01.26"])  # of which century?
    assert not orders_of(["12.5", "3"]) and not orders_of(["F", "M"])


def test_a_cell_on_disk_that_is_no_date_is_refused_and_not_unknown(tmp_path: Path) -> None:
    """Though it is none of the first thousand different cells, which tell the kind of a column."""
    many = pd.Series(pd.date_range("2001-01-01", periods=1500)).dt.strftime("%Y-%m-%d")
    path = tmp_path / "d.csv"
    rows = pd.DataFrame({"since": [*many, "soon"], "p": 1})
    rows.to_csv(path, index=False)
    with pytest.raises(InputError) as refused:
        tally_file(
            path,
            sensitive_features=["since"],
            predicted="p",
            reading=Reading(bins={"since": ["2003-01-01"]}),
        )
    assert "'soon'" in str(refused.value) and "--missing since:soon" in refused.value.remedy
