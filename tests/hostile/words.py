"""A stranger's world of words: every name that a command may print is an attack on its reader.

On a GitHub runner a line that begins with ``::name::`` (after blanks), and ``##[name]`` anywhere in
one, is obeyed; a terminal obeys what follows an escape; a reader is misled by marks of direction.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import yaml

OBEYED = re.compile(r"^\s*::|##\[", re.MULTILINE)
HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
ATTACKS = {
    "runner": "a\n::stop-commands::x\r\n  ::add-mask::b ##[error]c",
    "alone": "::stop-commands::x",
    "terminal": "t\x1b[2J\x1b]0;title\x07\x9b31m\r\x1b[Aq",
    "direction": "d\u202e\u2066\u200b\ufeffe",
    "percent": "p%0A::error::x%0D%0A::stop-commands::y",
    "nul": "n\x00\x08m",
    "long": "l ::error file=x::y " * 49,
}
EVIL = " ".join(ATTACKS[name] for name in ("runner", "terminal", "direction", "percent"))
COLUMN, LABEL, FILE = f"c{EVIL}", f"l{EVIL}", f"f{EVIL}".replace("/", "")
LONGEST = 4000  # characters of a line for people; JSON and documents hold what they hold


def heard(text: str) -> str:
    """What in ``text`` somebody would obey or be misled by; empty where there is nothing."""
    found = OBEYED.search(text) or HIDDEN.search(text)
    return "" if found is None else repr(text[max(0, found.start() - 60) : found.end() + 40])


def rows(n: int = 240) -> pd.DataFrame:
    """A table whose columns, groups, labels and texts are attacks; NUL stands in none (no reader
    of tables here takes one)."""
    groups = [value for name, value in ATTACKS.items() if name != "nul"]
    return pd.DataFrame(
        {
            COLUMN: [groups[i % len(groups)] for i in range(n)],
            f"x{EVIL}": [float(i % 7) for i in range(n)],
            ATTACKS["long"]: [f"w{i % 3}{ATTACKS['runner']}" for i in range(n)],
            f"y{EVIL}": [LABEL if i % 7 < 4 else f"no{EVIL}" for i in range(n)],
            f"p{EVIL}": [LABEL if (i * 7 + i % 6) % 10 < 5 else f"no{EVIL}" for i in range(n)],
        }
    )


def write_rows(path: Path) -> None:
    """The table as a file, everything quoted: a lone carriage return ends a row elsewhere."""
    rows().to_csv(path, index=False, quoting=csv.QUOTE_ALL)


def pack(place: Path) -> Path:
    """A policy pack whose texts are attacks, NUL among them; path as hostile as its texts."""
    text = {"en": f"title {EVIL} {ATTACKS['nul']}", "zh": f"标题 {EVIL}"}
    item = {"title": text, "kind": "automated", "severity": "high", "obligation": "must"}
    made = {
        "schema": "rai-pack/1",
        "id": "words",
        "version": "2026.1.0",
        "title": text,
        "jurisdiction": "INT",
        "kind": "house",
        "legal_status": {"state": "voluntary", "checked_on": "2026-11-01"},
        "sources": {"s": {"cite": f"cite {EVIL}"}},
        "items": [
            {
                **item,
                "id": "W-1",
                "clause": {"s": f"1 {EVIL}"},
                "evidence": {"select": "performance.accuracy_score"},
                "check": {"comparator": ">=", "threshold": 0.99, "threshold_origin": "convention"},
                "on_fail": {"fix": text},
            },
            {
                **item,
                "id": "W-2",
                "kind": "attestation",
                "attest": {"role": f"owner {EVIL}", "question": text},
            },
        ],
    }
    path = place / f"{FILE}.yaml"
    path.write_text(yaml.safe_dump(made, allow_unicode=True), "utf-8")
    return path


def recipe(place: Path, data: Path) -> Path:
    """How a small model is trained on ``rows``."""
    path = place / f"recipe {FILE}.yaml"
    told = {
        "data": str(data),
        "target": f"y{EVIL}",
        "positive_label": LABEL,
        "sensitive_features": [COLUMN],
        "drop": [f"p{EVIL}"],
        "model": "logistic",
    }
    path.write_text(json.dumps(told))
    return path


def slow_lines(place: Path) -> Iterator[list[str]]:
    """More of them, which take seconds each; after ``lines``."""
    data, model = str(place / f"{FILE}.csv"), str(place / f"model {FILE}")
    rows_of = ["--data", data, "--target", f"y{EVIL}", "--positive-label", LABEL]
    fair = ["--sensitive-features", COLUMN, "--out", f"{model}-fair", "--method", "threshold"]
    yield ["mitigate", model, *rows_of, *fair]
    yield ["init", data, model, "--target", f"y{EVIL}", "--lang", "zh"]
    yield ["policies", "lint"]


def lines(place: Path) -> Iterator[tuple[str, list[str]]]:
    """Command lines in an order in which each finds what it needs, with the command of each."""
    data, model = str(place / f"{FILE}.csv"), str(place / f"model {FILE}")
    house = str(place / f"{FILE}.yaml")
    case, other = str(place / f"case {FILE}"), str(place / "other")
    stored = ["--predictions", data, "--target", f"y{EVIL}", "--predicted", f"p{EVIL}"]
    named = ["--positive-label", LABEL, "--positive-is", "benefit", "--name", EVIL]
    groups = ["--sensitive-features", COLUMN, "-p", house]
    checks = ["--checks", "fairness.gaps,fairness.group_rates,performance.classification"]
    reasons = ["--checks", "explanation.reasons", "--data", data, "--target", f"y{EVIL}"]
    rows_of = ["--data", data, "--target", f"y{EVIL}", "--positive-label", LABEL]
    signer = ["--by", EVIL, "--role", f"owner {EVIL}", "--statement", EVIL]
    yield "train", ["train", str(place / f"recipe {FILE}.yaml"), "--out", model]
    yield "train", ["train", "tabular", "--data", data, "--target", EVIL, "--out", model]
    yield "init", ["init", data, "--out", str(place / f"subject {FILE}.yaml")]
    yield "init", ["init", data, "--target", f"y{EVIL}", *named[:4], "--lang", "zh", "--yes"]
    masked = ["mask", data, "--quasi-identifiers", COLUMN, "--k", "2", "--leave-out", "0.9"]
    told = ["--target", f"y{EVIL}", "--sensitive-features", COLUMN]
    yield "mask", [*masked, *told, "--out", str(place / f"masked {FILE}")]
    yield "mask", [*masked, "--drop", EVIL, "--tokenise", EVIL]
    yield "audit", ["audit", *stored, *named, *groups, *checks, "--out", case]
    yield "audit", ["audit", *stored, *named, *groups, *checks, "--out", other, "--verbose"]
    yield "audit", ["audit", *stored, *named, "--sensitive-features", "rase"]
    yield "audit", ["audit", model, *reasons, *named, *groups, "--out", f"{other}-model"]
    yield "audit", ["audit", str(place / f"nothing {FILE}"), *reasons, *named]
    quoted = f"`{COLUMN}` is not missing"
    part = ["--where", quoted, "--name", f"part {EVIL}"[:80], "-q"]
    yield "cohort", ["cohort", case, "--find"]
    yield "cohort", ["cohort", case, *part, "--out", str(place / f"part {FILE}")]
    yield "cohort", ["cohort", case, "--where", EVIL]
    yield "judge", ["judge", case, "-p", house]
    yield "judge", ["judge", case, "-p", house, "--json"]
    yield "judge", ["judge", case, "-p", house, "--lang", "zh"]
    yield "verify", ["verify", case, "--recompute", "--register"]
    yield "verify", ["verify", f"{case}-not"]
    yield "compare", ["compare", case, other]
    yield "compare", ["compare", case, other, "--format", "markdown"]
    yield "compare", ["compare", case, other, "--format", "html", "--lang", "zh"]
    yield "explain", ["explain", f"{other}-model", "--row", "1"]
    yield "explain", ["explain", f"{other}-model", "--row", EVIL, "--id-column", COLUMN]
    fair = [*rows_of, "--sensitive-features", COLUMN, "--out", f"{model}-fair", "--method"]
    yield "mitigate", ["mitigate", model, *fair, EVIL]
    yield "attest", ["attest", case, "W-2", "--answer", "met", *signer, "-p", house]
    yield "attest", ["attest", case, EVIL, "--answer", EVIL, *signer, "-p", house]
    soon = str(date.today() + timedelta(90))
    approved = ["--approved-by", f"other {EVIL}", "--role", EVIL, "--expires", soon]
    approved += ["--compensating", EVIL]
    yield "waive", ["waive", case, "W-1", "--reason", EVIL, "--owner", EVIL, *approved, "-p", house]
    yield "waive", ["waive", case, "W-1", "--reason", EVIL, "--expires", EVIL]
    yield "sign-off", ["sign-off", case, *signer, "--accept", EVIL, "-p", house]
    yield "sign-off", ["sign-off", case, *signer, "--accept", "words:W-1", "-p", house]
    yield "sign", ["sign", case, "-p", house]
    yield "export", ["export", case, "-p", house, "--out", str(place / f"{FILE}.zip")]
    yield "export", ["export", case, "--encrypt-to", EVIL]
    yield "forget", ["forget", "--unit", ATTACKS["runner"]]
    yield "forget", ["forget", case, "--row", "1"]
    yield "runs list", ["runs", "list"]
    yield "runs show", ["runs", "show", "1"]
    yield "runs show", ["runs", "show", EVIL]
    yield "checks list", ["checks", "list"]
    yield "checks show", ["checks", "show", EVIL]
    yield "checks needed", ["checks", "needed", house]
    yield "policies list", ["policies", "list"]
    yield "policies show", ["policies", "show", house]
    yield "policies lint", ["policies", "lint", house]
    yield "formats", ["formats", EVIL]
    yield "dashboard", ["dashboard", f"{case}-not", "--export", str(place / FILE)]
    yield "dashboard", ["dashboard", case, "--as", EVIL]
    yield "dashboard", ["dashboard", case, "--export", str(place / f"site {FILE}")]
    yield "doctor", ["doctor"]
    yield "demo", ["demo", f"--{EVIL}"]
