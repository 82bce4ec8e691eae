"""One declared reading, one table: whichever format it is written in, in memory and on disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import evenhand
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.data.table import texts
from evenhand.audit.data.written.declared import Reading
from tests.newcomer.people import made
from tests.newcomer.spellings import GROUPS, LABELS, WESTERN, Spelling, cells, drawn, written

FORMATS = ("csv", "csv.gz", "xlsx", "jsonl", "sqlite", "parquet", "arrow")
SPELT = replace(
    drawn(0),
    people=made(7, WESTERN),
    encoding="cp1252",
    separator=";",
    decimal=",",
    thousands=".",
    clothes="€ {}",
    missing="-",
    unknown="Not disclosed",
    labels=LABELS[12],  # "Yes" and "Yes "
    predicted=LABELS[12],
    groups=GROUPS[2],  # "F", "F " and "f"
    truth=("ja", "nein"),
    dates="german",
)
READING = Reading(
    types={"age": "number", "income": "number", "member": "boolean", "since": "date"},
    missing=("-", "job:?"),
    unknown=("gender:Not disclosed",),
    decimal=",",
    labels={
        "Yes ": "Yes",
        "No ": "No",
        "gender:F ": "F",
        "gender:f": "F",
        "gender:m": "M",
        "member:ja": "true",
        "member:nein": "false",
    },
    bins={"age": ("30", "45"), "since": ("2012-01-01", "2019-01-01")},
)


def reading_of(format: str) -> Reading:
    is_text = format.startswith("csv")
    return READING.model_copy(update={"encoding": "cp1252" if is_text else None})


@pytest.fixture(scope="module", params=FORMATS)
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    spelling: Spelling = replace(SPELT, format=request.param)
    return written(spelling, tmp_path_factory.mktemp("door")), request.param


def test_every_cell_is_what_it_is_in_the_clean_table(door: tuple[Path, str]) -> None:
    path, format = door
    frame = read_table(path, reading_of(format), answers=("hired", "advised")).frame
    clean = SPELT.people.frame
    for column in ("age", "income", "score"):
        np.testing.assert_allclose(frame[column].to_numpy(float), clean[column].to_numpy(float))
    assert (frame["since"].dt.date == clean["since"].dt.date).all()
    assert frame["member"].tolist() == clean["member"].tolist()
    for column in ("hired", "advised"):
        assert frame[column].tolist() == ["Yes" if v else "No" for v in clean[column]]
    assert frame["job"].isna().tolist() == clean["job"].isna().tolist()
    names, _ = texts(frame["gender"])
    expected = clean["gender"].fillna("Not disclosed").tolist()
    assert names.tolist() == expected


def test_counts_are_those_of_the_clean_table(door: tuple[Path, str]) -> None:
    """From Python, in one pass over the file where it is one that is counted on disk."""
    path, format = door
    if format in ("xlsx", "jsonl", "sqlite", "csv.gz"):
        return  # read into memory: the test above
    declared = {k: v for k, v in reading_of(format).as_plain().items() if k != "types"}
    declared["types"] = dict(READING.types)
    counted = evenhand.count(
        path,
        sensitive_features=["gender", "age", "since"],
        target="hired",
        predicted="advised",
        positive_label="Yes",
        **declared,
    )
    clean = SPELT.people.frame
    for feature, edges in (("age", [30, 45]), ("since", ["2012-01-01", "2019-01-01"])):
        values = clean[feature].dropna()
        at = pd.to_datetime(pd.Series(edges)) if feature == "since" else edges
        places = sum((values >= edge).astype(int) for edge in at)
        held = (
            counted.by(feature).to_pandas().set_index(feature)["n"].drop("unknown", errors="ignore")
        )
        assert sorted(held) == sorted(places.value_counts())
    by_gender = counted.by("gender").to_pandas().set_index("gender")["n"].to_dict()
    assert by_gender == Counter(clean["gender"].fillna("unknown"))


def test_the_texts_hold_what_is_declared_about() -> None:
    held = cells(SPELT)
    assert {"-"} < set(held["age"]) and held["income"].str.startswith("€").any()
    assert {"Yes", "Yes "} <= set(held["hired"]) and {"F", "F ", "f"} <= set(held["gender"])
