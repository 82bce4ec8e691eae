"""Masked tables, counted again by pandas alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.case.secret import Secret
from evenhand.audit.data.reading.read import read_table
from evenhand.audit.errors import InputError
from evenhand.audit.masking.cost import left_out_by_group, utility_cost
from evenhand.audit.masking.mask import mask
from evenhand.audit.masking.plan import make_plan, read_plan
from evenhand.audit.masking.writing import mask_record, write_mask

SECRET = Secret(b"k" * 32)
QUASI = ["age", "sex", "zip"]


def people(seed: int = 0, n: int = 1500) -> pd.DataFrame:
    drawn = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "mail": [f"p{i}@x.example.org" for i in range(n)],
            "age": drawn.integers(18, 80, n),
            "sex": drawn.choice(["F", "M"], n, p=[0.2, 0.8]),
            "zip": [f"{z:04d}" for z in drawn.integers(1000, 1060, n)],
            "illness": drawn.choice(["flu", "cold", "ulcer"], n),
            "pay": drawn.normal(3000, 500, n).round(),
        }
    )
    frame["y"] = np.where(frame["age"] + drawn.normal(0, 5, n) > 50, "yes", "no")
    return frame


def plan(**more: object) -> dict[str, object]:
    columns = {"mail": "tokenise", "pay": {"noise": 10}}
    base = {"quasi_identifiers": QUASI, "confidential": ["illness"], "k": 5, "l": 2}
    return {**base, "columns": columns, **more}


def saved(frame: pd.DataFrame, folder: Path, name: str = "d.csv") -> Path:
    frame.to_csv(folder / name, index=False)
    return folder / name


def test_k_l_and_t_hold_as_pandas_counts_them(tmp_path: Path) -> None:
    table = read_table(saved(people(), tmp_path))
    made = mask(table, make_plan(plan(t=0.4), "plan"), SECRET)
    assert made.holds
    grouped = made.frame.groupby(QUASI, dropna=False)["illness"]
    assert grouped.size().min() == made.after.k >= 5
    assert grouped.nunique().min() == made.after.confidential["illness"].distinct >= 2
    whole = made.frame["illness"].value_counts(normalize=True)
    far = max(
        (cells.value_counts(normalize=True).reindex(whole.index, fill_value=0) - whole).abs().sum()
        / 2
        for _, cells in grouped
    )
    assert far == pytest.approx(made.after.confidential["illness"].distance)
    assert far <= 0.4
    out = len(people()) - len(made.frame)
    assert out == (~made.kept).sum() <= 0.02 * len(people())
    before = people().groupby(QUASI).size()
    assert made.before.k == before.min()
    assert made.before.unique_rate == pytest.approx((before == 1).sum() / len(people()))


def test_names_become_tokens_that_join_and_noise_is_drawn_anew(tmp_path: Path) -> None:
    table = read_table(saved(people(), tmp_path))
    made = [mask(table, make_plan(plan(), "plan"), SECRET) for _ in range(2)]
    assert made[0].frame["mail"].tolist() == made[1].frame["mail"].tolist()
    assert made[0].frame["mail"].nunique() == len(made[0].frame)
    assert not made[0].frame["mail"].str.contains("@").any()
    other = mask(table, make_plan(plan(), "plan"), Secret(b"o" * 32))
    assert not set(other.frame["mail"]) & set(made[0].frame["mail"])
    apart = made[0].frame["pay"] - people()["pay"][made[0].kept]
    assert 5 < apart.abs().mean() < 20  # Laplace's mean distance is its scale, 10
    assert not np.allclose(made[0].frame["pay"], made[1].frame["pay"])


def test_the_written_plan_recodes_other_rows_in_the_same_way(tmp_path: Path) -> None:
    rows = people()
    file = saved(rows, tmp_path)
    made = mask(read_table(file), make_plan(plan(), "plan"), SECRET)
    record = mask_record(made, str(file))
    write_mask(made, record, str(file), tmp_path / "out")
    again = read_plan(tmp_path / "out" / "mask.yaml")
    assert again.chosen == record["chosen"]
    assert json.loads((tmp_path / "out" / "mask.json").read_text("utf-8")) == record
    written = pd.read_csv(tmp_path / "out" / "masked.csv", dtype=str)
    part = read_table(saved(rows.head(40), tmp_path, "part.csv"))
    later = mask(part, again, SECRET)
    for column in QUASI:  # the same person, the same cell
        assert later.recoded[column].tolist() == made.recoded[column].head(40).tolist()
    assert len(later.frame) == 40  # nobody is left out of rows that are given again
    assert not later.holds
    assert len(written) == len(made.frame)


def test_what_it_costs_is_a_comparison_of_two_models_on_the_same_rows(tmp_path: Path) -> None:
    table = read_table(saved(people(), tmp_path))
    hidden = plan(
        columns={"mail": "drop", "age": {"levels": ["hide"]}}, chosen=dict.fromkeys(QUASI, 1)
    )
    made = mask(table, make_plan(hidden, "plan"), SECRET)
    everybody, women, men = utility_cost(table, made, "y", ["sex"])
    # with age the label is nearly told, without it nothing is: half are right
    assert everybody.before > 0.8 > 0.6 > everybody.after > 0.4
    assert everybody.difference is not None
    assert everybody.difference.high < -0.2
    assert (women.group, women.n + men.n) == (("sex", "F"), everybody.n)
    pay, *_ = utility_cost(table, made, "pay")
    assert pay.measure == "mean_absolute_error"


def test_whom_the_left_out_rows_are_of(tmp_path: Path) -> None:
    rows = people()
    table = read_table(saved(rows, tmp_path))
    made = mask(table, make_plan(plan(leave_out=0.1), "plan"), SECRET)
    for one in left_out_by_group(table, made, ["sex"]):
        own = (rows["sex"] == one.group[1]).to_numpy()
        assert (one.n, one.n_left_out) == (own.sum(), (own & ~made.kept).sum())


def test_nothing_is_masked_in_silence(tmp_path: Path) -> None:
    table = read_table(saved(people(), tmp_path))
    with pytest.raises(InputError, match="these columns name people"):
        mask(table, make_plan(plan(columns={}), "plan"), SECRET)
    ladders: dict[str, object] = {c: {"levels": []} for c in QUASI}
    impossible = plan(columns={"mail": "drop", **ladders}, leave_out=0.0)
    with pytest.raises(InputError, match="no combination of levels"):
        mask(table, make_plan(impossible, "plan"), SECRET)
    with pytest.raises(InputError, match="not a column"):
        mask(table, make_plan(plan(quasi_identifiers=["aeg"]), "plan"), SECRET)
    noisy = plan(columns={"mail": "drop", "illness": {"noise": 1}})
    with pytest.raises(InputError, match="holds no numbers"):
        mask(table, make_plan(noisy, "plan"), SECRET)


def test_missing_cells_are_a_value_that_a_reader_sees(tmp_path: Path) -> None:
    rows = people(n=300)
    rows.loc[:2, "zip"] = None  # three people without a place: a class of their own
    table = read_table(saved(rows, tmp_path))
    made = mask(table, make_plan(plan(), "plan"), SECRET)
    assert made.frame.groupby(QUASI, dropna=False).size().min() >= 5
