"""Remedies lead on: what a command offers it has, and what it says to type works."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from evenhand.audit.cli import options_by_command, run
from evenhand.audit.commands.parts.remedies import alternatives, for_command, lacking
from tests.source import ROOMS, ROOT

KNOWN = options_by_command()


def texts_of(node: ast.expr) -> str:
    """A text as it is written, its values as {}; other expressions by the texts in them."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    return " ; ".join(texts_of(child) for child in ast.iter_child_nodes(node) if expression(child))


def expression(node: ast.AST) -> bool:
    return isinstance(node, ast.expr)


def remedies() -> Iterator[tuple[str, str]]:
    """Every remedy in the source, and every text that is named as one, with its place."""
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                given = None
                if isinstance(node, ast.keyword) and node.arg == "remedy":
                    given = node.value
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    name = node.targets[0].id.lower()
                    given = node.value if "remedy" in name else None
                if given is not None and (text := texts_of(given)):
                    yield f"{file.relative_to(ROOT)}:{given.lineno}", text


def test_every_option_and_command_in_a_remedy_exists() -> None:
    found = dict(remedies())
    assert len(found) > 500  # they were found at all
    wrong = []
    for place, text in found.items():
        for _, one in alternatives(text):
            if all(lacking(one, command, KNOWN) for command in KNOWN):
                wrong.append(f"{place}: {one}: no command has all that it names")
    assert not wrong


def test_alternatives_of_other_commands_are_left_out() -> None:
    known = {
        "audit": frozenset({"--predictions", "--allow-pickle"}),
        "mitigate": frozenset({"--data"}),
    }
    whole = (
        "save it as skops; or audit its predictions: evenhand audit --predictions F ...; or pass "
        "--allow-pickle: it then runs in the sandbox, and the case lists it"
    )
    assert for_command(whole, "audit", known) == whole
    assert for_command(whole, "mitigate", known) == (
        "save it as skops; or audit its predictions: evenhand audit --predictions F ..."
    )
    alone = for_command("pass --allow-pickle", "mitigate", known)
    assert alone.startswith("`evenhand mitigate` has no such option; evenhand audit has: pass")
    assert for_command("pass --data FILE", "no such command", known) == "pass --data FILE"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVENHAND_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"income": rng.normal(50, 15, 200).round(1)})
    frame["sex"] = rng.choice(["F", "M"], 200)
    frame["y"] = (frame["income"] > 50).astype(int)
    frame.to_csv("rows.csv", index=False)
    joblib.dump(LogisticRegression().fit(frame[["income"]], frame["y"]), "m.joblib")
    return tmp_path


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = run(arguments)
    return code, capsys.readouterr().err


ON = ["--data", "rows.csv", "--target", "y", "--positive-label", "1", "--sensitive", "sex"]


def test_a_refused_pickle_offers_what_the_command_has_and_no_more(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = said(["mitigate", "m.joblib", *ON, "--method", "threshold", "--out", "o"], capsys)
    assert code == 5 and "--allow-pickle" not in told
    assert "skops.io.dump" in told  # what does lead on
    code, told = said(["audit", "m.joblib", *ON, "--out", "case", "--quiet"], capsys)
    assert code == 5 and "--allow-pickle" in told


BASE = ["audit", "--predictions", "p.csv", "--out", "case", "--quiet", "--checks", "data.groups"]
# What is typed, what is wrong with it, and what the remedy says to type in its place.
LEADS_ON = {
    "no positive label": (["--target", "y", "--predicted", "p"], ["--positive-label", "1"]),
    "no predictions named": (["--target", "y", "--positive-label", "1"], ["--predicted", "p"]),
    "scores without a threshold": (
        ["--score", "s"],
        ["--threshold", "0.5", "--positive-label", "1"],
    ),
    "amounts": (["--target", "a", "--predicted", "a2", "--positive-label", "1"], ["--task"]),
    "classes": (["--target", "c", "--predicted", "c2", "--positive-label", "x"], ["--task"]),
    "a file joined without its key": (
        ["--target", "y", "--predicted", "p", "--positive-label", "1", "--join", "p.csv"],
        ["--on", "id"],
    ),
}


@pytest.mark.parametrize("name", LEADS_ON)
def test_what_a_remedy_says_to_type_is_taken(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(1)
    n = 120
    frame = pd.DataFrame({"id": range(n), "y": rng.integers(0, 2, n), "p": rng.integers(0, 2, n)})
    frame["s"], frame["a"] = rng.random(n), rng.normal(0, 1, n)
    frame["a2"], frame["c"] = frame["a"], rng.choice(["x", "y", "z"], n)
    frame["c2"] = frame["c"]
    frame.to_csv("p.csv", index=False)
    typed, answer = LEADS_ON[name]
    code, told = said([*BASE, *typed], capsys)
    assert code == 2
    remedy = told.partition("->")[2]
    assert answer[0] in remedy, told
    if answer == ["--task"]:  # which one, the remedy says
        task = re.search(r"--task (\w+)", remedy)
        assert task is not None
        answer = ["--task", task[1]]
        typed = [t for t in typed if t not in ("--positive-label", "1", "x")]
    assert run([*BASE, *typed, *answer]) == 0, capsys.readouterr().err


def test_mitigate_takes_what_opening_a_model_takes(folder: Path) -> None:
    shared = {"--isolation", "--time-limit", "--memory-limit"}
    for command in ("audit", "explain", "mitigate"):
        assert shared <= KNOWN[command]


def test_a_model_that_says_neither_columns_nor_labels_is_mitigated_as_it_is_audited(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import skops.io

    frame = pd.read_csv("rows.csv")
    model = LogisticRegression().fit(frame[["income"]].to_numpy(), frame["y"])
    skops.io.dump(model, "m.skops")
    rng = np.random.default_rng(2)
    frame["y"] = np.where(rng.random(len(frame)) < 0.8, frame["y"], 1 - frame["y"])
    frame["y"] = frame["y"].map({0: "No", 1: "Yes"})
    frame.to_csv("words.csv", index=False)
    on = ["--data", "words.csv", "--target", "y", "--positive-label", "Yes", "--sensitive", "sex"]
    command = ["mitigate", "m.skops", *on, "--method", "threshold", "--out", "o", "--quiet"]
    code, told = said(command, capsys)
    assert code == 2 and "--inputs" in told  # the remedy, which leads on
    code, told = said([*command, "--inputs", "income"], capsys)
    assert code == 2 and "--classes" in told
    declared = ["--inputs", "income", "--classes", "No,Yes"]
    assert run([*command, *declared]) == 0, capsys.readouterr().err
    # the folder says itself what was declared of the model in it
    assert run(["audit", "o", *on, "--out", "case", "--quiet", "--checks", "data.groups"]) == 0
