"""Two cases on the same rows: ``evenhand compare --json`` in a process of its own, as tables.

The dashboard pairs nothing itself: differences, intervals and tests are the command's.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evenhand.audit import surroundings
from evenhand.audit.case.case import Case
from evenhand.audit.errors import EvenhandError
from evenhand.audit.words.numbers import GUARANTEES, duration, rounded_up
from evenhand.audit.words.phrases import as_is
from evenhand.audit.words.reasons import render_json
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases.index import group_axis, group_key, group_name, is_overall
from evenhand.dashboard.i18n import Translator
from evenhand.dashboard.look import verdict_word
from evenhand.policies.verdict import Verdict

PAIRED_COLUMNS = (
    "against",
    "group",
    "label",
    "value",
    "low",
    "high",
    "level",
    "a",
    "b",
    "p_value",
    "adjusted",
    "outcome",
    "n",
    "note",
    "chosen",
)
DRIFT_COLUMNS = ("against", "measure", "value", "low", "high", "n", "note")
# What is set side by side of all cases, whatever rows they were audited on.
SIDE_BY_SIDE = (
    "accuracy_score",
    "balanced_accuracy_score",
    "roc_auc_score",
    "declared_epsilon",
    "declared_delta",
    "training_energy",
    "training_carbon",
    "training_time",
)
_TIMEOUT_S = 180.0


def compared(a: Path, b: Path) -> Mapping[str, Any]:
    """What ``evenhand compare A B --json`` says. Raises EvenhandError with its message."""
    places = [str(a.resolve()), str(b.resolve())]  # no name is read as an option
    command = surroundings.python("evenhand", "compare", *places, "--json")
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env=surroundings.for_child(),
        )
    except subprocess.TimeoutExpired as error:
        raise EvenhandError(
            "comparing took more than {timeout}",
            remedy="run it in a terminal: evenhand compare {a} {b}",
            timeout=duration(_TIMEOUT_S),
            a=a,
            b=b,
        ) from error
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = {}
    if isinstance(told, dict) and "results" in told:
        return told
    error_told = told.get("error") if isinstance(told, dict) else None
    if isinstance(error_told, Mapping):
        message = str(error_told.get("message") or "the cases cannot be compared")
        raise EvenhandError(as_is(message), remedy=as_is(str(error_told.get("remedy") or "")))
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    raise EvenhandError("the cases cannot be compared: {last}", last=last)


def measures(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The measures that the comparisons pair, as they come."""
    return list(dict.fromkeys(r["measure"] for told in found for r in told["results"]))


def axes(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The sets of features whose groups are compared (see ``frames.axis``)."""
    keys = {group_axis(group_key(r["group"])) for told in found for r in told["results"]} - {""}
    return sorted(keys, key=lambda key: (key.count("&"), key))


def paired_frame(
    found: Mapping[str, Mapping[str, Any]], measure: str, features: str, who: str, t: Translator
) -> pd.DataFrame:
    """One row a group and other case, with PAIRED_COLUMNS; all rows come first.

    ``value`` is the first case minus the other one; missing where either has no rows.
    """
    rows = []
    for name, told in found.items():
        for r in told["results"]:
            key = group_key(r["group"])
            if r["measure"] != measure or (key and group_axis(key) != features):
                continue
            interval = r["interval"] or {}
            group = group_name(key) if key else t("about.all")
            rows.append(
                (
                    name,
                    group,
                    f"{group} (n={r['n']})",
                    r["difference"],
                    interval.get("low"),
                    interval.get("high"),
                    interval.get("level"),
                    r["a"],
                    r["b"],
                    r["p_value"],
                    r["p_adjusted"],
                    t.term("outcome", str(r["outcome"])),
                    r["n"],
                    render_json(r, t.lang),
                    bool(key) and key == who,
                )
            )
    frame = pd.DataFrame(rows, columns=list(PAIRED_COLUMNS))
    for column in ("value", "low", "high", "level", "a", "b", "p_value", "adjusted"):
        frame[column] = frame[column].astype("float64")
    return frame


def drift_frame(found: Mapping[str, Mapping[str, Any]], t: Translator) -> pd.DataFrame:
    """How far the attributions of two cases are apart, with DRIFT_COLUMNS; a reason where no number
    is known."""
    rows: list[tuple[Any, ...]] = []
    for name, told in found.items():
        explained = told.get("explanations") or {}
        drift = explained.get("drift") or {}
        for measure in ("rank_correlation", "top_k_overlap"):
            estimate = drift.get(measure) or {}
            ends = (estimate.get("intervals") or [{}])[0]
            note = render_json(estimate, t.lang) or render_json(explained, t.lang)
            made = {"reason": explained.get("note"), "reason_codes": explained.get("note_codes")}
            note = note or render_json(made, t.lang)
            value = estimate.get("value")
            n = int(estimate.get("n") or 0)
            word = t(f"drift.{measure}")
            rows.append((name, word, value, ends.get("low"), ends.get("high"), n, str(note)))
    frame = pd.DataFrame(rows, columns=list(DRIFT_COLUMNS))
    for column in ("value", "low", "high"):
        frame[column] = frame[column].astype("float64")
    return frame


def changed_frame(
    ours: Sequence[Verdict], others: Mapping[str, Sequence[Verdict]], t: Translator
) -> pd.DataFrame:
    """One row an item whose verdict differs between the first case and another one."""
    rows = []
    for name, theirs in others.items():
        known = {v.item: v for v in theirs}
        for verdict in ours:
            other = known.get(verdict.item)
            if other is not None and other.status != verdict.status:
                rows.append(
                    (
                        name,
                        verdict.item,
                        t.pick(verdict.title),
                        verdict_word(verdict.status, t),
                        verdict_word(other.status, t),
                    )
                )
    return pd.DataFrame(rows, columns=["against", "item", "title", "here", "there"])


def side_by_side(cases: Mapping[str, Case], wanted: Sequence[str], t: Translator) -> pd.DataFrame:
    """The findings over all rows of several cases beside each other, a row a measure."""
    names = list(cases)
    values: dict[tuple[str, str], dict[str, float]] = {}
    for name, case in cases.items():
        for f in case.findings:
            if f.measure in wanted and f.value is not None and is_overall(f):
                shown = rounded_up(f.value) if f.measure in GUARANTEES else f.value
                values.setdefault((f.measure, f.unit), {}).setdefault(name, shown)
    rows = [
        [t.measure(measure), visible(t.term("unit", unit)), *(held.get(n) for n in names)]
        for (measure, unit), held in sorted(values.items(), key=lambda p: wanted.index(p[0][0]))
    ]
    return pd.DataFrame(rows, columns=["measure", "unit", *names])
