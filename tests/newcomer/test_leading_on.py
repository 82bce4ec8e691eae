"""What a remedy says to type is typed, on the case that prints it, and leads to a result.

Each case is a command that is refused; how it is changed is read from the remedy: the option that
it names is added, with the value that it names, or taken out where it says so. Values that stand
for one's own (COLUMN, NUMBER) are filled in by the case.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from evenhand.audit.cli import run

pytestmark = pytest.mark.newcomer
N = 160


@dataclass(frozen=True)
class Refused:
    """A command that is refused. ``named`` is the option that its remedy names; ``own`` are values
    in place of those that stand for one's own; ``out`` says that the option is to be left out."""

    typed: str
    named: str
    own: Mapping[str, str] = field(default_factory=dict)
    out: bool = False


AUDIT = "audit --predictions {0} --positive-label 1 --sensitive-features sex --checks data.groups "
ON = AUDIT.format("rows.csv") + "--target y --predicted p "
TRAIN = "train tabular --data rows.csv --target y --positive-label 1 --sensitive-features sex "
TRAIN += "--inputs income,age --model logistic "
REFUSED = {
    "another encoding": Refused(
        AUDIT.format("cp1252.csv") + "--target y --predicted p", "encoding"
    ),
    "another encoding in training": Refused(TRAIN.replace("rows.csv", "cp1252.csv"), "encoding"),
    "another encoding in mitigation": Refused(
        "mitigate m.skops --data cp1252.csv --target y --positive-label 1 --sensitive-features sex "
        "--method threshold",
        "encoding",
    ),
    "zeros between the letters": Refused(
        AUDIT.format("utf16.csv") + "--target y --predicted p", "encoding"
    ),
    "several sheets hold a table": Refused(
        AUDIT.format("book.xlsx") + "--target y --predicted p", "sheet"
    ),
    "which predictions": Refused(
        AUDIT.format("rows.csv") + "--target y", "predicted", {"COLUMN": "p"}
    ),
    "scores without a threshold": Refused(
        AUDIT.format("rows.csv") + "--target y --score s", "threshold", {"NUMBER": "0.5"}
    ),
    "a positive label of several classes": Refused(
        "audit --predictions rows.csv --target c --predicted c2 --sensitive-features sex "
        "--task multiclass --positive-label x --checks data.groups",
        "positive-label",
        out=True,
    ),
    "no positive label": Refused(
        ON.replace("--positive-label 1 ", ""), "positive-label", {"LABEL": "1"}
    ),
    "amounts": Refused(
        "audit --predictions rows.csv --target income --predicted age --sensitive-features sex "
        "--checks data.groups --positive-label 1",
        "task",
    ),
    "whole amounts": Refused(
        "audit --predictions rows.csv --target pay --predicted age --sensitive-features sex "
        "--checks data.groups --positive-label 1",
        "task",
    ),
    "a cell that is no number": Refused(ON + "--types amount=number", "missing"),
    "a sign of thousands or decimals": Refused(ON + "--types thousands=number", "decimal"),
    "the day or the month": Refused(ON + "--types day=date", "dates"),
    "bins of dates with a mark": Refused(
        ON.replace("features sex", "features since") + "--bins since=2012-01-01", "missing"
    ),
    "bins of numbers with a mark": Refused(
        ON.replace("features sex", "features amount") + "--bins amount=40", "missing"
    ),
    "edges of dates for numbers": Refused(
        ON.replace("features sex", "features compact") + "--bins compact=2012-01-01", "types"
    ),
    "a join without its key": Refused(ON + "--join more.csv", "on", {"COLUMN": "id"}),
    "a key of another name": Refused(
        ON + "--join other.csv --on id", "on", {"HERE=THERE": "id=person"}
    ),
    "a stream that is joined": Refused(ON + "--stream --join more.csv --on id", "stream", out=True),
    "a stream of several classes": Refused(
        "audit --predictions rows.csv --target c --predicted c2 --sensitive-features sex "
        "--task multiclass --stream --checks data.groups",
        "stream",
        out=True,
    ),
    "dials without privacy": Refused(
        TRAIN.replace("logistic", "linear") + "--epochs 1 --epsilon 3 --delta 1e-3", "private"
    ),
    "an identifier in private training": Refused(
        TRAIN.replace("--inputs income,age --model logistic", "--model linear")
        + "--drop since,amount,thousands,day,c,c2,compact,pay,s,p "
        "--private --epsilon 3 --delta 1e-3 --epochs 1",
        "drop",
    ),
    "columns without names": Refused(
        "audit bare.skops --data rows.csv --target y --positive-label 1 --sensitive-features sex "
        "--checks data.groups",
        "inputs",
        {"income,age,...": "income"},
    ),
    "whose groups": Refused(
        "mitigate m.skops --data rows.csv --target y --positive-label 1 --method threshold",
        "sensitive-features",
        {"COLUMN": "sex"},
    ),
    "nothing to resume": Refused(ON + "--resume", "resume", out=True),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("refused")
    rng = np.random.default_rng(4)
    days = pd.date_range("2008-01-05", periods=N, freq="19D")
    rows = pd.DataFrame(
        {
            "id": [f"person{i:04}" for i in range(N)],
            "sex": rng.choice(["F", "M"], N),
            "income": rng.normal(50, 15, N).round(1),
            "age": rng.integers(18, 70, N),
            "pay": rng.permutation(N) + 30_000,
            "s": rng.random(N).round(3),
            "p": rng.integers(0, 2, N),
            "c": rng.choice(["x", "y", "z"], N),
            "job": rng.choice(["café", "Müller – Söhne", "niñera"], N),
            "thousands": [f"{1 + i % 9},{100 + i}" for i in range(N)],
            "day": [f"{1 + i % 12}/{1 + i % 11}/2020" for i in range(N)],
            "compact": days.strftime("%Y%m%d"),
        }
    )
    rows["y"] = ((rows["income"] > 50) ^ (rng.random(N) < 0.1)).astype(int)
    rows["c2"] = rows["c"]
    rows["amount"] = rng.integers(20, 60, N).astype(str)
    rows["since"] = days.strftime("%d.%m.%Y")
    rows.loc[[3, 50], ["amount", "since"]] = "k. A."
    plain = rows.drop(columns="job")
    plain.to_csv(place / "rows.csv", index=False)
    rows.to_csv(place / "cp1252.csv", index=False, encoding="cp1252")
    rows.to_csv(place / "utf16.csv", index=False, encoding="utf-16-le")
    rows[["id"]].assign(z=1).to_csv(place / "more.csv", index=False)
    rows[["id"]].rename(columns={"id": "person"}).assign(z=1).to_csv(
        place / "other.csv", index=False
    )
    with pd.ExcelWriter(place / "book.xlsx") as book:
        pd.DataFrame({"Made by": ["the office"]}).to_excel(book, sheet_name="Cover", index=False)
        plain.to_excel(book, sheet_name="Data 2024", index=False)
        plain.head(90).to_excel(book, sheet_name="Data 2023", index=False)
    named = LogisticRegression().fit(rows[["income"]], rows["y"])
    skops.io.dump(named, place / "m.skops")
    skops.io.dump(
        LogisticRegression().fit(rows[["income"]].to_numpy(), rows["y"]), place / "bare.skops"
    )
    return place


def changed(typed: Sequence[str], case: Refused, remedy: str) -> list[str]:
    """The command with the option that the remedy names, or without it."""
    option = f"--{case.named}"
    if case.out:
        assert re.search(rf"leave (?:its |out )?.*{option}|without {option}", remedy), remedy
        place = list(typed).index(option)
        takes_value = place + 1 < len(typed) and not typed[place + 1].startswith("--")
        return [*typed[:place], *typed[place + 1 + takes_value :]]
    found = re.search(rf"{option}(?: ((?:'[^']*'|\"[^\"]*\"|[^\s'\";])+))?", remedy)
    assert found is not None, remedy
    value = found[1]
    if case.named in ("private",):
        return [*typed, option]
    if value not in (",", "."):
        value = (value or "").rstrip(",;)(")
    for theirs, own in case.own.items():
        value = value.replace(theirs, own)
    if option in typed and case.named in ("on",):
        place = list(typed).index(option)
        return [*typed[: place + 1], *shlex.split(value), *typed[place + 2 :]]
    if case.named == "task":
        typed = [
            t for i, t in enumerate(typed) if "--positive-label" not in typed[max(0, i - 1) : i + 1]
        ]
    return [*typed, option, *shlex.split(value)]


@pytest.mark.parametrize("name", REFUSED)
def test_a_remedy_leads_on(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    case = REFUSED[name]
    out = name.replace(" ", "-")
    typed = [*shlex.split(case.typed), "--quiet"]
    code = run([*typed, "--out", f"{out}-0"])
    told = capsys.readouterr().err
    assert code == 2, told
    for turn in range(1, 4):  # a remedy may lead to another question, never back to the same one
        typed = changed(typed, case, told.partition("->")[2])
        code = run([*typed, "--out", f"{out}-{turn}"])
        again = capsys.readouterr().err
        if code == 0:
            return
        assert again != told, again
        told = again
    raise AssertionError(told)
