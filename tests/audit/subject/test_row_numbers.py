"""Rows are named by their place in the file, whatever order, filter and batch they went through."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.cli import run
from evenhand.audit.errors import InputError, RowError, rows_from, rows_of_file
from evenhand.audit.models.declared import Input
from evenhand.audit.models.inputs import DeclaredInputs
from evenhand.audit.models.outputs import as_probabilities
from evenhand.audit.subject import deciding as asked
from evenhand.audit.subject.predictions import score
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.subject.subject import build_subject
from evenhand.audit.worker.opened import Opened
from tests.audit.subjects import stored_spec
from tests.source import ROOT

ROWS = 9_000  # three batches of 4,096


def test_a_number_is_said_once_and_stays() -> None:
    with (
        pytest.raises(RowError, match="the cell in row 40 is odd") as error,
        rows_from(100),
        rows_of_file([10, 20, 30, 40]),
        rows_from(2),
    ):
        raise RowError("the cell in {row} is odd", 1, remedy="look")
    assert error.value.remedy == "look"


def test_batches_count_from_where_they_begin() -> None:
    with pytest.raises(RowError, match="in row 4099"), rows_from(4096):
        raise RowError("in {row}", 2)


def table(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    made = {
        "x": rng.normal(0, 1, ROWS).round(3).astype(object),
        "job": rng.choice(["clerk", "nurse"], ROWS),
        "sex": rng.choice(["F", "M"], ROWS),
        "y": rng.integers(0, 2, ROWS).astype(object),
        "p": rng.random(ROWS).round(3).astype(object),
    }
    return pd.DataFrame({**made, **columns})


class Network:
    """Encodes its columns as declared, and answers halves."""

    format, task, classes, input_columns = "made", "binary", ("0", "1"), ("x", "job")
    maker_says: dict[str, Any] = {}
    gradients = None
    inputs = DeclaredInputs(
        (Input(column="x"), Input(column="job", categories=("clerk", "nurse"))), (3,)
    )
    wrong_at: float | None = None

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        encoded = self.inputs.encode(frame)
        scores = np.full((len(frame), 2), 0.5)
        if self.wrong_at is not None:
            scores[np.isclose(encoded[:, 0], self.wrong_at)] = 7.0
        return as_probabilities(scores, 2, "probabilities", "the network", rows=len(frame))


@pytest.mark.parametrize(
    ("column", "cell"), [("x", "n/a"), ("job", "astronaut"), ("x", 1e400), ("x", 77.0)]
)
def test_the_model_asked_in_batches_of_sorted_rows(
    column: str, cell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = table()
    frame.loc[[5, 17], "y"] = None  # rows without a label are left out before the model is asked
    frame.loc[6_543, column] = cell
    frame.to_csv(tmp_path / "rows.csv", index=False)
    network = Network()
    network.wrong_at = 77.0
    opened = Opened(network, "m", "")
    monkeypatch.setattr("evenhand.audit.subject.subject.begin_model", lambda *_: lambda: opened)
    spec = make_spec(
        {
            "model": "m",
            "data": str(tmp_path / "rows.csv"),
            "target": "y",
            "positive_label": 1,
            "sensitive_features": ["sex"],
        }
    )
    with pytest.raises(InputError, match=r"in row 6544\b"):
        score(build_subject(spec))


@pytest.mark.parametrize(
    ("changes", "cell", "said"),
    [
        ({"predicted": None, "score": "p", "threshold": 0.5}, "n/a", "is no number"),
        ({"predicted": None, "score": "p", "threshold": 0.5}, None, "not finite"),
        ({"weight": "p", "predicted": "q"}, "heavy", "is no number"),
        ({"predicted": "q"}, None, "is empty"),
        ({"predicted": "q"}, "maybe", "is not a label"),
        (
            {"task": "regression", "positive_label": None, "target": "p", "predicted": "x"},
            "n/a",
            "is no number",
        ),
    ],
)
def test_stored_answers_and_labels(
    changes: dict[str, Any], cell: Any, said: str, tmp_path: Path
) -> None:
    frame = table().assign(q=lambda t: t["y"])
    column = "q" if changes.get("predicted") == "q" and "weight" not in changes else "p"
    frame.loc[7_000, column] = cell
    spec = stored_spec(frame, tmp_path, sensitive_features=["sex"], **changes)
    with pytest.raises(InputError, match=rf"row 7001\b.*{said}|{said}.*row 7001\b"):
        score(build_subject(spec))


def test_streamed_batches_without_the_rows_that_have_no_label() -> None:
    import pyarrow as pa

    from evenhand.audit.subject.tallying.batches import count_batches

    parts = [
        {"g": ["a", "b", "a"], "y": [1, None, 0], "p": [1, 1, 0]},
        {"g": ["a", "b", "a"], "y": [None, 1, 0], "p": [1, 0, None]},
    ]
    batches = [pa.record_batch(part) for part in parts]
    with pytest.raises(RowError, match="empty in row 6 "):
        count_batches(batches, features=["g"], target="y", predicted="p")


def test_training_names_the_row_of_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"a": rng.normal(0, 1, 300), "b": rng.normal(0, 1, 300), "y": rng.integers(0, 2, 300)}
    )
    frame["y"] = frame["y"].astype(object)
    frame.loc[[3, 4], "y"] = None
    frame.loc[211, "b"] = np.inf
    frame.to_csv(tmp_path / "t.csv", index=False)
    command = [
        "train",
        "tabular",
        "--data",
        str(tmp_path / "t.csv"),
        "--model",
        "mlp",
        "--target",
        "y",
    ]
    code = run([*command, "--positive-label", "1", "--out", str(tmp_path / "m"), "--quiet"])
    assert code == 2
    assert "holds inf in row 212, " in capsys.readouterr().err


def rows_in_words(tree: ast.AST) -> list[ast.JoinedStr]:
    """Formatted texts with a number after the word row."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for before, after in zip(node.values, node.values[1:], strict=False):
            text = before.value if isinstance(before, ast.Constant) else ""
            if str(text).endswith("row ") and isinstance(after, ast.FormattedValue):
                found.append(node)
    return found


# Where rows are still as the file has them, or the number is one that a person gave.
IN_THE_FILES_ORDER = {
    "audit/data/formats/database.py",
    "audit/data/formats/delimited.py",
    "audit/data/formats/excel.py",
    "audit/data/types.py",
    "audit/errors.py",
    "audit/reports/adverse_action.py",
    "audit/run/one_person.py",
    "audit/data/counting/joining.py",
    "trainers/datasets.py",
}


def test_nobody_else_puts_a_row_into_words() -> None:
    files = [f for room in ("audit", "trainers", "dashboard") for f in (ROOT / room).rglob("*.py")]
    told = {
        str(f.relative_to(ROOT))
        for f in files
        if "/checks/" not in str(f) and rows_in_words(ast.parse(f.read_text("utf-8")))
    }
    assert told <= IN_THE_FILES_ORDER, f"raise a RowError instead: {told - IN_THE_FILES_ORDER}"


def test_every_row_error_is_asked_for_inside_its_order() -> None:
    """The law above would be empty without these."""
    assert rows_in_words(ast.parse('f"in row {n}"'))
    assert asked.BATCH < ROWS
