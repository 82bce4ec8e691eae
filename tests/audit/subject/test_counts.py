"""Counts: merging, one pass over files and streams, and the same numbers as rows in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.audit.errors import InputError
from evenhand.audit.subject.tallying import counts as counts_module
from evenhand.audit.subject.tallying.batches import count_batches
from evenhand.audit.subject.tallying.counts import Counts, count_groups, feature_sets
from evenhand.audit.subject.tallying.tally import count_file

Row = tuple[str, str, bool, bool, int]
ROW = st.tuples(
    st.sampled_from(["a", "b", "unknown"]),
    st.sampled_from(["f", "m"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 4),
)
FEATURES = ("race", "sex")


def counted(rows: list[Row], *, weighted: bool = True) -> Counts:
    frame = pd.DataFrame(rows, columns=["race", "sex", "y", "p", "w"])
    return count_groups(
        frame,
        FEATURES,
        frame["y"].to_numpy(bool),
        frame["p"].to_numpy(bool),
        weights=frame["w"].to_numpy(float) if weighted else None,
    )


def as_plain(counts: Counts) -> tuple[Any, ...]:
    weights = None if counts.weights is None else counts.weights.tolist()
    return (counts.features, counts.names.tolist(), counts.table.tolist(), weights, counts.dropped)


def by_hand(rows: list[Row]) -> dict[tuple[str, str], list[int]]:
    """The naive twin: tn, fp, fn, tp by a loop."""
    table: dict[tuple[str, str], list[int]] = {}
    for race, sex, actual, predicted, _ in rows:
        table.setdefault((race, sex), [0, 0, 0, 0])[2 * actual + predicted] += 1
    return dict(sorted(table.items()))


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=30), st.lists(ROW, max_size=30), st.lists(ROW, max_size=30))
def test_parts_add_up_to_the_whole_in_any_order(a: list[Row], b: list[Row], c: list[Row]) -> None:
    x, y, z = counted(a), counted(b), counted(c)
    whole = as_plain(counted(a + b + c))
    assert as_plain((x + y) + z) == whole
    assert as_plain(x + (y + z)) == whole
    assert as_plain(z + y + x) == whole
    merged = x + y + z
    found = zip(map(tuple, merged.names), merged.table.reshape(-1, 4).tolist(), strict=True)
    assert dict(found) == by_hand(a + b + c)


@settings(max_examples=30, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=40))
def test_every_subset_of_features_is_a_sum_of_the_crossing(rows: list[Row]) -> None:
    whole = counted(rows)
    frame = pd.DataFrame(rows, columns=["race", "sex", "y", "p", "w"])
    for features in feature_sets(FEATURES):
        direct = count_groups(
            frame, features, frame["y"].to_numpy(), frame["p"].to_numpy(), weights=frame["w"]
        )
        assert as_plain(whole.by(features)) == as_plain(direct)


def test_counts_of_other_features_or_without_weights_do_not_add_up() -> None:
    rows: list[Row] = [("a", "f", True, True, 1)]
    with pytest.raises(ValueError, match="do not add up"):
        counted(rows) + counted(rows, weighted=False)
    with pytest.raises(ValueError, match="features"):
        counted(rows) + counted(rows).by(["race"])


def test_texts_are_told_apart_by_content_though_addresses_are_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counts_module, "_MANY", 10)
    twice = np.array(["".join(["a", "b"]) for _ in range(50)] + ["c"] * 50, dtype=object)
    assert len({id(v) for v in twice}) > 40, "equal texts at many addresses"
    frame = pd.DataFrame({"g": twice}, dtype=object)
    found = count_groups(frame, ["g"], None, np.arange(100) % 2 == 0)
    assert [(c.group["g"], c.n, c.confusion.tp) for c in found.cells()] == [
        ("ab", 50, 25),
        ("c", 50, 25),
    ]


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = 3000
    frame = pd.DataFrame(
        {
            "race": rng.choice(np.array(["a", "b", None, "it's", 'say "x"'], dtype=object), n),
            "zone": rng.choice([1.0, 2.0, np.nan], n),
            "y": rng.integers(0, 2, n).astype(float),
            "p": rng.integers(0, 2, n),
            "s": rng.random(n).round(3),
            "w": rng.integers(1, 9, n) / 4,
        }
    )
    frame.loc[:9, "y"] = np.nan
    return frame


def expected(frame: pd.DataFrame, selected: pd.Series[Any]) -> Counts:
    kept = frame["y"].notna()
    groups = pd.DataFrame(
        {
            "race": frame["race"].fillna("unknown"),
            "zone": frame["zone"].map({1.0: "1", 2.0: "2"}).fillna("unknown"),
        }
    )[kept]
    found = count_groups(
        groups,
        ["race", "zone"],
        (frame["y"] == 1)[kept].to_numpy(),
        selected[kept].to_numpy(),
        weights=frame["w"][kept].to_numpy(),
    )
    return Counts(found.features, found.classes, found.names, found.table, found.weights, 10)


def test_files_and_streams_give_the_counts_of_rows_in_memory(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    whole = as_plain(expected(frame, frame["p"] == 1))
    csv, parquet = tmp_path / "a [1]*?'.csv", tmp_path / "a.parquet"
    frame.to_csv(csv, index=False)
    frame.to_parquet(parquet)
    named: dict[str, Any] = {"target": "y", "predicted": "p", "weight": "w"}
    for path in (csv, parquet):
        assert as_plain(count_file(path, sensitive_features=["race", "zone"], **named)) == whole
    batches = pq.ParquetFile(parquet).iter_batches(batch_size=700)
    assert as_plain(count_batches(batches, features=["race", "zone"], **named)) == whole
    coded = pa.table(frame.assign(race=frame["race"].astype("category")))
    assert as_plain(count_batches([coded], features=["race", "zone"], **named)) == whole


def test_scores_become_predictions_at_the_threshold(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_parquet(tmp_path / "a.parquet")
    found = count_file(
        tmp_path / "a.parquet",
        sensitive_features=["race"],
        control_features=["zone"],
        target="y",
        score="s",
        threshold=0.25,
        weight="w",
    )
    assert as_plain(found) == as_plain(expected(frame, frame["s"] >= 0.25))


def test_codes_with_leading_zeros_and_labels_in_words(tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("zip;ok;y;p\n01;True;good;bad\n1;False;good;good\n10;NA;bad;bad\n")
    found = count_file(
        path, sensitive_features=["zip", "ok"], target="y", predicted="p", positive_label="good"
    )
    assert found.names.tolist() == [["01", "true"], ["1", "false"], ["10", "unknown"]]
    assert found.cells()[0].confusion.fn == 1
    assert found.cells()[1].confusion.tp == 1
    assert found.cells()[2].confusion.tn == 1


def test_the_file_agrees_with_an_audit_of_it(frame: pd.DataFrame, tmp_path: Path) -> None:
    """Law: texts, missing values and labels mean the same in both ways of reading."""
    from evenhand.audit.subject.predictions import predictions_of
    from tests.audit.subjects import stored_subject

    names = ["race", "zone"]
    subject = stored_subject(frame, tmp_path, sensitive_features=names, predicted="p")
    p = predictions_of(subject)
    direct = count_groups(p.groups, names, p.is_positive, p.is_selected)
    path = next(tmp_path.glob("rows-*.csv"))
    found = count_file(path, sensitive_features=names, target="y", predicted="p")
    assert found.names.tolist() == direct.names.tolist()
    assert found.table.tolist() == direct.table.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"s": [0.1, None, 0.3]}, "'s' has 1 cells that are missing or not finite"),
        ({"s": [0.1, float("inf"), 0.3]}, "'s' has 1 cells"),
        ({"y": [0, 1, 2]}, "more than one label beside the positive one"),
        ({"y": [0, 0, 0]}, "positive label 1 does not occur"),
        ({"y": [None, None, None]}, "no row has a true label"),
        ({"w": [1.0, -1.0, 2.0]}, "weight column 'w'"),
        ({"g": None}, "'g' is not a column"),
    ],
)
def test_bad_files_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    columns = {"g": ["a", "b", "c"], "y": [0, 1, 0], "s": [0.1, 0.2, 0.9], "w": [1.0, 1.0, 1.0]}
    table = {k: v for k, v in {**columns, **change}.items() if v is not None}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    options: dict[str, Any] = {"target": "y", "score": "s", "threshold": 0.5, "weight": "w"}
    with pytest.raises(InputError, match=message):
        count_file(tmp_path / "a.parquet", sensitive_features=["g"], **options)


def test_no_file_no_rows_no_predictions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data file"):
        count_file(tmp_path / "none.parquet", sensitive_features=["g"], predicted="p")
    (tmp_path / "lines.jsonl").write_text('{"g": 1}\n')
    with pytest.raises(InputError, match="neither Parquet nor CSV"):
        count_file(tmp_path / "lines.jsonl", sensitive_features=["g"], predicted="p")
    (tmp_path / "ragged.csv").write_text("g,p\na,1,2,3\n")
    with pytest.raises(InputError, match="cannot count"):
        count_file(tmp_path / "ragged.csv", sensitive_features=["g"], predicted="p")
    with pytest.raises(InputError, match="which predictions"):
        count_file(tmp_path / "ragged.csv", sensitive_features=["g"], score="p")
    with pytest.raises(InputError, match="no batch"):
        count_batches([], features=["g"], target=None, predicted="p")
