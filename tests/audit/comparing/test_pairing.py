"""Two files of the same people: paired by id or by what their rows hold, in any order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evenhand
from evenhand.audit.case.case import Case
from evenhand.audit.cli import run
from evenhand.audit.comparing.compare import Comparison, compare
from evenhand.audit.errors import InputError
from evenhand.audit.run.run import audit
from evenhand.audit.subject.spec import make_spec
from evenhand.audit.words.reasons import render

N = 240


def people() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    return pd.DataFrame(
        {
            "id": [f"p{i:03}" for i in range(N)],
            "sex": rng.choice(["F", "M"], N),
            "y": rng.integers(0, 2, N),
            "old": rng.integers(0, 2, N),
            "new": rng.integers(0, 2, N),
        }
    )


def case_of(frame: pd.DataFrame, name: str, folder: Path, **options: Any) -> Case:
    frame.to_csv(folder / f"{name}.csv", index=False)
    spec = {
        "predictions": str(folder / f"{name}.csv"),
        "target": "y",
        "predicted": "p",
        "positive_label": 1,
        "positive_is": "benefit",
        "sensitive_features": ["sex"],
        "checks": ["performance.classification"],
        **options,
    }
    return audit(make_spec(spec), folder / f"case-{name}")


def one_file(folder: Path) -> Comparison:
    """What is right: both models in one file, row by row."""
    both = str(folder / "both.csv")
    people().to_csv(both, index=False)
    return compare(
        *(
            case_of(people(), f"both-{p}", folder, predictions=both, predicted=p)
            for p in ("new", "old")
        )
    )


def side(p: str, *, seed: int, columns: list[str] | None = None) -> pd.DataFrame:
    """One model's file, its rows and columns in an order of their own."""
    frame = people().assign(p=lambda t: t[p])[columns or ["id", "sex", "y", "p"]]
    return frame.sample(frac=1, random_state=seed)


def told(found: Comparison) -> list[dict[str, Any]]:
    return [r.to_json() for r in found.results]


def test_files_in_any_order_give_what_one_file_gives(tmp_path: Path) -> None:
    right = told(one_file(tmp_path))
    a = case_of(side("new", seed=1), "new", tmp_path)
    b = case_of(side("old", seed=2, columns=["p", "y", "sex", "id"]), "old", tmp_path)
    by_rows = compare(a, b)
    assert told(by_rows) == right
    assert render(by_rows.how).startswith("paired by equal rows")
    by_id = compare(a, b, id="id")
    assert told(by_id) == right
    assert render(by_id.how).startswith("paired by id: 240 people are in both; 0 of A and 0 of B")


def test_ids_of_the_plans_pair_files_that_hold_different_columns(tmp_path: Path) -> None:
    right = told(one_file(tmp_path))
    a = case_of(side("new", seed=1).assign(branch="north"), "new", tmp_path, id="id")
    b = case_of(side("old", seed=2).assign(note=range(N)), "old", tmp_path, id="id")
    assert told(compare(a, b)) == right


def test_who_is_missing_is_counted(tmp_path: Path) -> None:
    new, old = side("new", seed=1).sort_values("id"), side("old", seed=2).sort_values("id")
    new = new.iloc[10:]  # ten people of old alone
    old = old.iloc[:-4]  # four of new alone
    old["id"] = old["id"].where(old["id"] != "p100")  # one without an id: p100 is of new alone too
    a, b = case_of(new, "new", tmp_path), case_of(old, "old", tmp_path)
    found = compare(a, b, id="id")
    assert found.n == N - 10 - 4 - 1
    assert "225 people are in both; 5 of A and 10 of B alone, and 1 rows" in render(found.how)
    both = people().assign(kept=lambda t: (t.index >= 10) & (t.index < N - 4) & (t.id != "p100"))
    both = both[both["kept"]]
    selection = next(r for r in found.results if r.measure == "selection_rate" and not r.group)
    assert selection.counts.first == int(((both.new == 1) & (both.old == 0)).sum())
    assert selection.counts.second == int(((both.new == 0) & (both.old == 1)).sum())


@pytest.mark.parametrize(
    ("change", "id_column", "said"),
    [
        (lambda t: t.assign(id=t["id"].replace("p007", "p008")), "id", "names 1 rows of"),
        (lambda t: t.assign(id="x" + t["id"]), "id", "nobody of"),
        (lambda t: t, "person", "have no column person"),
        (lambda t: t.drop(columns="id"), None, "who is who cannot be told"),
        (lambda t: t.assign(sex=t["sex"].where(t["id"] != "p003", "X")), "id", "1 people have ano"),
        (lambda t: t.assign(y=t["y"].where(t["id"] != "p003", 1 - t["y"])), "id", "the true label"),
    ],
)
def test_what_can_not_be_paired_is_refused_with_its_count(
    change: Any, id_column: str | None, said: str, tmp_path: Path
) -> None:
    a = case_of(side("new", seed=1), "new", tmp_path)
    b = case_of(change(side("old", seed=2)), "old", tmp_path)
    with pytest.raises(InputError, match=said):
        compare(a, b, id=id_column)


def test_files_that_are_gone_or_changed(tmp_path: Path) -> None:
    a = case_of(side("new", seed=1), "new", tmp_path)
    b = case_of(side("old", seed=2), "old", tmp_path)
    side("old", seed=2).assign(p=0).to_csv(tmp_path / "old.csv", index=False)
    with pytest.raises(InputError, match="are not those that were audited"):
        compare(a, b)
    (tmp_path / "old.csv").unlink()
    with pytest.raises(InputError, match="no longer at"):
        compare(a, b)


def test_the_command_tells_two_columns_of_one_file_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one_file(tmp_path)
    cases = [str(tmp_path / f"case-both-{p}") for p in ("new", "old")]
    assert run(["compare", *cases]) == 0
    assert "A = both.csv (new), B = both.csv (old), 240 rows" in capsys.readouterr().out


def test_the_command_pairs_by_id_in_every_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case_of(side("new", seed=1), "new", tmp_path)
    case_of(side("old", seed=2), "old", tmp_path)
    cases = [str(tmp_path / f"case-{p}") for p in ("new", "old")]
    for form, word in (([], "paired by id"), (["--format", "markdown", "--lang", "zh"], "配对")):
        assert run(["compare", *cases, "--id", "id", *form]) == 0
        assert word in capsys.readouterr().out


def test_frames_of_python_and_files_that_were_moved_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    right = told(one_file(tmp_path))
    options: dict[str, Any] = {
        "target": "y",
        "predicted": "p",
        "positive_label": 1,
        "positive_is": "benefit",
        "sensitive_features": "sex",
        "checks": ["performance.classification"],
    }
    rows = [side(p, seed=3).reset_index(drop=True) for p in ("new", "old")]
    made = [evenhand.audit_predictions(frame, **options) for frame in rows]
    with pytest.raises(InputError, match="no longer at") as gone:
        evenhand.compare(*made)
    assert "--data-a FILE --data-b FILE" in str(gone.value)
    found = evenhand.compare(*made, data_a=rows[0], data_b=rows[1])
    assert told(found.comparison) == right

    case_of(side("new", seed=1), "new", tmp_path)
    case_of(side("old", seed=2), "old", tmp_path)
    for p in ("new", "old"):
        (tmp_path / f"{p}.csv").rename(tmp_path / f"moved-{p}.csv")
    cases = [str(tmp_path / f"case-{p}") for p in ("new", "old")]
    moved = [f"--data-{x}={tmp_path}/moved-{p}.csv" for x, p in (("a", "new"), ("b", "old"))]
    assert run(["compare", *cases]) == 2
    assert run(["compare", *cases, *moved]) == 0


def test_codes_of_predictions_are_read_again_as_they_were(tmp_path: Path) -> None:
    """What labels mean is declared of both columns: the rows come in the order of the audit."""
    words = people().rename(columns={"new": "p"}).drop(columns="old")
    codes = words.assign(p=words["p"].map({1: 2, 0: 7}), y=words["y"].map({1: 2, 0: 7}))
    a = case_of(words, "words", tmp_path, id="id")
    labels = {"labels": {"2": "1", "7": "0"}}
    b = case_of(codes.sample(frac=1, random_state=3), "codes", tmp_path, id="id", **labels)
    assert all(row.difference == 0 for row in compare(a, b).results if row.difference is not None)
