from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.errors import InputError
from evenhand.trainers.encoders.tabular import MAX_CATEGORIES, CategoricalColumn, TabularEncoder

FLAT = {"kind": "numeric", "name": "x", "mean": 0.0, "scale": 1.0, "had_missing": False}


def fit(**columns: list) -> tuple[TabularEncoder, pd.DataFrame]:
    frame = pd.DataFrame(columns)
    return TabularEncoder.fit(frame, list(columns)), frame


def test_numbers_by_hand() -> None:
    # mean 3, standard deviation sqrt((4 + 0 + 4) / 3) = 1.632993
    encoder, frame = fit(x=[1.0, 3.0, 5.0])
    expected = np.array([[-1.2247449], [0.0], [1.2247449]], dtype=np.float32)
    np.testing.assert_allclose(encoder.transform(frame), expected, rtol=1e-6)
    assert encoder.encoded_columns == ("x",) and encoder.baseline == pytest.approx([0.0])


def test_missing_numbers_get_the_mean_and_an_indicator() -> None:
    # of 2 and 4 the mean is 3, the standard deviation 1
    encoder, frame = fit(x=[2.0, np.nan, 4.0, np.nan])
    np.testing.assert_array_equal(encoder.transform(frame), [[-1, 0], [0, 1], [1, 0], [0, 1]])
    assert encoder.encoded_columns == ("x", "x")
    np.testing.assert_array_equal(encoder.baseline, [0.0, 0.5])


def test_categories_by_hand() -> None:
    encoder, frame = fit(c=["b", "a", None, "a"])
    # columns: a, b, missing, other
    np.testing.assert_array_equal(
        encoder.transform(frame), [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]
    )
    np.testing.assert_array_equal(encoder.baseline, [0.5, 0.25, 0.25, 0.0])
    unseen = encoder.transform(pd.DataFrame({"c": ["z"]}))
    np.testing.assert_array_equal(unseen, [[0, 0, 0, 1]])


def test_truth_values_and_codes_are_categories() -> None:
    frame = pd.DataFrame({"flag": [True, False, True], "code": [1, 2, 1]})
    encoder = TabularEncoder.fit(frame, ["flag", "code"], categorical=["code"])
    assert [c.categories for c in encoder.columns] == [("false", "true"), ("1", "2")]
    # codes that come back as floats are the same codes
    again = frame.astype({"code": float})
    np.testing.assert_array_equal(encoder.transform(frame), encoder.transform(again))


def test_a_constant_column_divides_by_one() -> None:
    encoder, frame = fit(x=[0.1, 0.1, 0.1], empty=[np.nan] * 3)
    encoded = encoder.transform(frame)
    assert np.isfinite(encoded).all() and np.abs(encoded[:, 0]).max() < 1e-6
    np.testing.assert_array_equal(encoded[:, 1:], [[0, 1]] * 3)


def test_many_categories_are_capped_and_counted() -> None:
    # 60 categories: c00 to c09 twice, the rest once; the cap keeps 50, ties by name
    cells = [f"c{i:02}" for i in range(60)] + [f"c{i:02}" for i in range(10)]
    encoder, _ = fit(c=cells)
    column = encoder.columns[0]
    assert isinstance(column, CategoricalColumn)
    assert len(column.categories) == MAX_CATEGORIES and column.n_other == 10
    assert column.categories[-1] == "c49"
    assert encoder.baseline[-1] == pytest.approx(10 / 70)


def test_json_round_trip_is_exact(table: pd.DataFrame) -> None:
    columns = ["income", "debts", "town", "owner"]
    encoder = TabularEncoder.fit(table, columns)
    again = TabularEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert again == encoder
    np.testing.assert_array_equal(again.transform(table), encoder.transform(table))
    assert again.transform(table).dtype == np.float32


def test_baseline_is_the_mean_of_the_encoded_training_rows(table: pd.DataFrame) -> None:
    encoder = TabularEncoder.fit(table, ["income", "debts", "town"])
    np.testing.assert_allclose(encoder.baseline, encoder.transform(table).mean(0), atol=1e-6)


def test_a_word_in_a_numeric_column_names_column_and_value() -> None:
    encoder, _ = fit(income=[1.0, 2.0])
    with pytest.raises(InputError, match="'income' holds 'many' in row 2"):
        encoder.transform(pd.DataFrame({"income": ["3", "many"]}))
    np.testing.assert_array_equal(
        encoder.transform(pd.DataFrame({"income": ["2", None]})),
        encoder.transform(pd.DataFrame({"income": [2.0, np.nan]})),
    )


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_refused(value: float) -> None:
    encoder, _ = fit(x=[1.0, 2.0])
    with pytest.raises(InputError, match="not a finite number"):
        encoder.transform(pd.DataFrame({"x": [value]}))
    with pytest.raises(InputError, match="not a finite number"):
        fit(x=[1.0, value])


def test_a_missing_column_names_the_near_ones() -> None:
    encoder, _ = fit(income=[1.0, 2.0])
    with pytest.raises(InputError, match="did you mean: incomes"):
        encoder.transform(pd.DataFrame({"incomes": [1.0]}))


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "other/1"},
        {"columns": []},
        {"baseline": [0.0]},
        {"unknown": 1},
        {"columns": [{**FLAT, "had_missing": True}], "baseline": [0.0]},
        {"columns": [{**FLAT, "scale": 0}], "baseline": [0.0]},
        {"columns": [FLAT, FLAT], "baseline": [0.0, 0.0]},
        {"columns": [{"kind": "code", "name": "x"}]},
    ],
)
def test_foreign_json_is_refused(change: dict) -> None:
    encoder, _ = fit(x=[1.0, 2.0], c=["a", "b"])
    with pytest.raises(InputError, match="encoder"):
        TabularEncoder.from_json({**encoder.to_json(), **change})
