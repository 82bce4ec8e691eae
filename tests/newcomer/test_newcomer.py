"""A hundred tables as people write them, each followed from a first naive command to its numbers.

Whoever audits types a plain command and then what evenhand says to declare, no more. The numbers
must be those that pandas and scikit-learn have of the clean table: in stored predictions, of a
model that was fitted on the clean table, in training, mitigation, comparison and from Python. The
first few run with every test; ``make newcomer`` runs them all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import skops.io

import evenhand
from evenhand.audit.data.written.declared import READS, parts_of, quoted_part
from tests.newcomer import clean
from tests.newcomer.following import Newcomer, pairs
from tests.newcomer.journeys import BINS, CHECKS, differ, findings, told
from tests.newcomer.people import counted
from tests.newcomer.spellings import drawn, written

IN_ALL, FIRST = 100, 10
SENSITIVE = ["--sensitive-features", "gender"]
numbers = pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=() if n < FIRST else pytest.mark.newcomer) for n in range(IN_ALL)],
)
all_of_them = pytest.mark.parametrize(
    "number", [pytest.param(n, marks=pytest.mark.newcomer) for n in range(IN_ALL)]
)


class Journey:
    """One table, whoever reads it, and what was declared of it so far."""

    def __init__(self, number: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.spelling, self.folder = drawn(number), folder
        self.path = written(self.spelling, folder)
        order = {"american": "mdy"}.get(self.spelling.dates, "dmy")
        groups = ("gender", "age", "since")
        self.person = Newcomer(self.spelling.decimal, order, groups, capsys)

    @property
    def meant(self) -> list[str]:
        """What labels mean, which nobody else can know: the model says yes and no."""
        tokens = [*self.spelling.labels, *self.spelling.predicted]
        words = {
            token: word
            for pair in (tokens[:2], tokens[2:])
            for spelt, word in zip(pair, ("yes", "no"), strict=True)
            for token in spelt
            if token != word
        }
        parts = (quoted_part(f"{token}={word}") for token, word in words.items())
        return ["--labels", ",".join(parts)] if words else []

    def last(self, name: str = "case") -> Path:
        """Where the last turn wrote."""
        return max(self.folder.glob(f"{name}*"), key=lambda p: int(p.name[len(name) :]))

    def held(self, case: Path, selected: pd.Series, *names: str) -> None:
        true = counted(self.spelling.people, selected)
        wrong = differ(told(findings(case), self.spelling), true, *names)
        assert not wrong, f"{self.spelling.told()}\n{self.person.declared}\n" + "\n".join(wrong)


@pytest.fixture
def journey(number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Journey:
    return Journey(number, tmp_path, capsys)


@numbers
def test_stored_predictions(journey: Journey) -> None:
    spelling = journey.spelling
    journey.person.follow(
        [
            *("audit", "--predictions", str(journey.path), "--target", "hired"),
            *("--predicted", "advised", "--positive-label", spelling.positive),
            *("--sensitive-features", "gender,age,since", "--bins", BINS),
            *("--checks", CHECKS, "--out", str(journey.folder / "case{turn}")),
        ]
    )
    selected = spelling.people.frame["advised"]
    journey.held(journey.last(), selected, "acc", "sel", "unk", "bins", "missing age")


@all_of_them
def test_a_model_mitigation_and_comparison(journey: Journey) -> None:
    people, folder = journey.spelling.people, journey.folder
    skops.io.dump(people.model, folder / "m.skops")
    rows = ["--target", "hired", "--positive-label", "yes", *SENSITIVE, *journey.meant]
    journey.person.follow(
        [
            *("audit", str(folder / "m.skops"), "--data", str(journey.path), *rows),
            *("--checks", CHECKS),
            *("--out", str(folder / "case{turn}")),
        ]
    )
    journey.held(journey.last(), people.answers, "acc", "sel", "unk", "miss")

    printed = journey.person.follow(
        [
            *("mitigate", str(folder / "m.skops"), "--data", str(journey.path), *rows),
            *("--method", "threshold", "--out", str(folder / "mitigated{turn}"), "--json"),
        ]
    )
    before = {m["measure"]: m["before"]["value"] for m in json.loads(printed)["measures"]}
    held_out = pd.read_csv(journey.last("mitigated") / "held_out.csv")["id"]
    rows_there = people.frame["id"].isin(held_out)
    right = (people.answers == people.frame["hired"])[rows_there]
    rates = clean.rates(people, people.answers, rows_there)
    assert before["accuracy_score"] == pytest.approx(right.mean())
    gap = max(rates.values()) - min(rates.values())
    if min(people.frame[rows_there]["gender"].value_counts()) >= 10:  # smaller groups are left out
        assert before["demographic_parity_difference"] == pytest.approx(gap)


@all_of_them
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_two_files_of_the_same_people(journey: Journey) -> None:
    """The one as it is spelt, the other clean and in another order."""
    people, folder = journey.spelling.people, journey.folder
    other = people.frame[["id", "hired"]].assign(advised=people.answers)
    other.sample(frac=1, random_state=1).to_csv(folder / "other.csv", index=False)
    asked = ["--target", "hired", "--predicted", "advised", "--id", "id"]
    asked += ["--checks", "performance.classification"]
    command = ["audit", "--predictions", str(journey.path), *asked, "--positive-label", "yes"]
    journey.person.follow([*command, *journey.meant, "--out", str(folder / "case{turn}")])
    clean_one = evenhand.audit_predictions(
        str(folder / "other.csv"),
        target="hired",
        predicted="advised",
        positive_label="yes",
        labels={"True": "yes", "False": "no"},
        id="id",
        checks=["performance.classification"],
    )
    compared = evenhand.compare(evenhand.load_case(journey.last()), clean_one.case)
    right = people.frame["advised"] == people.frame["hired"]
    also = people.answers == people.frame["hired"]
    found = compared.comparison.results
    (row,) = [p for p in found if p.measure == "accuracy_score" and not p.group]
    assert row.difference == pytest.approx(right.mean() - also.mean())


@all_of_them
def test_training(journey: Journey) -> None:
    folder, spelling = journey.folder, journey.spelling
    typed = ["train", "tabular", "--data", str(journey.path), "--target", "hired", *SENSITIVE]
    typed += ["--positive-label", "yes", "--model", "logistic", "--drop", "id,since,advised,score"]
    journey.person.follow([*typed, *journey.meant, "--out", str(folder / "model{turn}")])
    model = journey.last("model")
    held_out = pd.read_csv(model / "held_out.csv")
    test = json.loads((model / "model.json").read_text("utf-8"))["test"]
    true = clean.trained(spelling.people, held_out["id"].tolist())
    told_all = f"{spelling.told()}\n{journey.person.declared}"
    assert test["log_loss"] == pytest.approx(true["log_loss"], abs=2e-3), told_all
    one_row = 1.01 / len(held_out)  # two solvers may differ about a row whose score is 0.5
    assert test["accuracy"] == pytest.approx(true["accuracy"], abs=one_row), told_all


@all_of_them
@pytest.mark.filterwarnings("ignore::UserWarning")  # what is said on the terminal
def test_from_python(journey: Journey) -> None:
    """The options that the commands asked for, as arguments: of a frame and of the file."""
    spelling = journey.spelling
    command = ["audit", "--predictions", str(journey.path), "--target", "hired", *SENSITIVE]
    command += ["--predicted", "advised", "--positive-label", spelling.positive, "--checks", CHECKS]
    journey.person.follow([*command, "--out", str(journey.folder / "case{turn}")])
    given = as_arguments(journey.person.declared)
    result = evenhand.audit_predictions(
        str(journey.path),
        target="hired",
        predicted="advised",
        positive_label=spelling.positive,
        sensitive_features="gender",
        checks=CHECKS.split(","),
        out=journey.folder / "api1",
        **given,
    )
    selected = spelling.people.frame["advised"]
    journey.held(result.case.path, selected, "acc", "sel", "unk")


def as_arguments(declared: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option, value in pairs(declared):
        name = option[2:]
        if name in READS:
            found[name] = {**found.get(name, {}), **READS[name](parts_of(value))}
        elif name in ("missing", "unknown"):
            found[name] = [*found.get(name, []), *parts_of(value)]
        else:
            found[name] = value
    return found
