"""What a table tells of its people, planted and counted by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.audit.subjects import findings_of, one, stored_spec

CHECK = "privacy.data_exposure"


def people() -> pd.DataFrame:
    """40 rows: ages 30 and 40 by 10, ages 50..69 once each; women are all the latter."""
    ages = [30] * 10 + [40] * 10 + list(range(50, 70))
    frame = pd.DataFrame({"age": ages, "sex": ["M"] * 20 + ["F"] * 20})
    frame["illness"] = ["flu", "cold"] * 20
    frame["mail"] = [f"p{i}@x.example.org" for i in range(40)]
    frame["y"], frame["yhat"] = [0, 1] * 20, [0, 1, 1, 0] * 10
    return frame


def test_identifiers_classes_and_whom_they_single_out(tmp_path: Path) -> None:
    options = {"quasi_identifiers": ["age", "sex"], "confidential": ["illness"], "least": 11}
    found = findings_of(
        CHECK, people(), tmp_path, sensitive_features=["sex"], options={CHECK: options}
    )
    assert one(found, "direct_identifier_count").value == 1
    assert "40 of 40" in one(found, "direct_identifier_count").reason_text()
    assert "@" not in "".join(f.reason_text() for f in found)  # a cell is never shown
    assert one(found, "direct_identifier_rate", column="mail").value == 1.0
    assert one(found, "k_anonymity").value == 1
    assert one(found, "unique_rate", group={}).value == pytest.approx(20 / 40)
    assert one(found, "unique_rate", group={"sex": "F"}).value == 1.0
    assert one(found, "unique_rate", group={"sex": "M"}).value == 0.0
    assert one(found, "small_class_rate", group={}).value == 1.0  # all classes are under 11
    assert one(found, "l_diversity").value == 1
    # a class of one has distance 1/2 from half flu, half cold
    assert one(found, "t_closeness").value == pytest.approx(0.5)
    assert one(found, "published_identifier_count").status == "not_applicable"


def test_people_of_several_rows_are_counted_once(tmp_path: Path) -> None:
    frame = pd.concat([people(), people().tail(20)])  # each woman twice
    options = {"quasi_identifiers": ["age"]}
    found = findings_of(CHECK, frame, tmp_path, unit="mail", options={CHECK: options})
    assert one(found, "k_anonymity").value == 1
    assert one(found, "k_anonymity").unit == "person"
    assert one(found, "unique_rate").n == 40
    rows = findings_of(CHECK, frame, tmp_path, options={CHECK: options})
    assert one(rows, "k_anonymity").value == 2


def test_what_is_not_declared_is_asked_for(tmp_path: Path) -> None:
    found = findings_of(CHECK, people().drop(columns="mail"), tmp_path)
    assert one(found, "direct_identifier_count").value == 0
    assert "quasi_identifiers" in one(found, "k_anonymity").reason_text()


def test_an_option_that_is_no_list_of_columns_is_refused(tmp_path: Path) -> None:
    from evenhand.audit.errors import InputError
    from evenhand.audit.run.catalogue import check
    from evenhand.audit.run.check_options import require_options

    spec = stored_spec(people(), tmp_path, options={CHECK: {"quasi_identifiers": "age"}})
    with pytest.raises(InputError, match="must be a list of columns"):
        require_options(spec, [check(CHECK)])
