"""The tables that commands print for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evenhand.audit.commands.parts.shared import console, safe
from evenhand.audit.reason import sentences
from evenhand.audit.words.measures import measure_name
from evenhand.audit.words.numbers import estimate
from evenhand.audit.words.phrases import said
from evenhand.audit.words.reasons import render
from evenhand.audit.words.text import lines, obeyed_by_none

if TYPE_CHECKING:
    from rich.table import Table

    from evenhand.audit.comparing.compare import Paired
    from evenhand.audit.finding import Finding
    from evenhand.policies.facts import AskedFact

# Measures that people ask for first, of any check or of one; a law of the tests asks that each task
# shows the gaps of the features that were named.
_HEADLINES = (
    "accuracy_score",
    "balanced_accuracy_score",
    "roc_auc_score",
    "f1_score",
    "mean_absolute_error",
    "root_mean_squared_error",
    "r2_score",
    "bits_per_character",
    "perplexity",
    "accuracy_generalisation_gap",
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equalized_odds_difference",
    "equal_opportunity_difference",
    "fairness.class_rates/accuracy_score_difference",
    "fairness.class_rates/balanced_accuracy_score_difference",
    "fairness.regression_gaps/mean_prediction_difference",
    "fairness.regression_gaps/mean_error_difference",
    "fairness.regression_gaps/mean_absolute_error_difference",
    "declared_epsilon",
)

_STRONGEST = 5  # columns


def measured(name: str) -> str:
    """A measure's name as tables and sentences of the terminal have it."""
    return safe(measure_name(name))


def value_text(finding: Finding | None) -> str:
    """``0.17 (0.08 to 0.28)``; the status in words where there is no value."""
    if finding is None:
        return "not measured"
    if finding.value is None:
        return finding.status.replace("_", " ")
    own = finding.interval
    ends = None if own is None else (own.low, own.high)
    return estimate(finding.value, ends, finding.measure)


def table(title: str, columns: Sequence[str]) -> Table:
    """An empty table in the house's look; title and columns are said in the language spoken."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(title=said(title), box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column in columns:
        made.add_column(said(column), overflow="fold")
    return made


def show(shown: Table | str) -> None:
    """Prints a table, or lines that are never broken (paths are copied from them), on stdout."""
    if isinstance(shown, str):
        print(lines(said(shown)))
        return
    screen = console()
    if screen.is_terminal:
        screen.print(shown)
        return
    with screen.capture() as laid_out:
        screen.print(shown)
    sys.stdout.write(obeyed_by_none(laid_out.get()))


def headline_table(findings: Iterable[Finding]) -> Table | str:
    """The few findings that people ask for first; the rest are in the report, as is what a measure
    that does not apply here would need. A sentence where there is none of them."""
    made = table("Findings (the rest are in the report)", ["measure", "over", "value", "n", "note"])
    findings = list(findings)
    for name in _HEADLINES:
        for f in findings:
            is_told = f.status not in ("not_applicable", "skipped") and not f.group
            if is_told and name in (f.measure, f"{f.check}/{f.measure}"):
                made.add_row(*_headline(f, " × ".join(f.between) or "all rows"))
    for f in _strongest(findings):
        made.add_row(*_headline(f, f.column))
    if not made.row_count:
        return f"{len(findings)} findings, none of them a headline: they are in the report"
    return made


def _headline(f: Finding, over: str) -> tuple[str, ...]:
    return measured(f.measure), safe(over), value_text(f), str(f.n), safe(f.reason_text())


def _strongest(findings: Iterable[Finding]) -> list[Finding]:
    """The columns that move the output most."""
    moved = [
        f for f in findings if f.measure == "mean_absolute_attribution" and f.value is not None
    ]
    overall = [f for f in moved if not f.group]
    return sorted(overall, key=lambda f: (-(f.value or 0.0), f.column))[:_STRONGEST]


def facts_table(facts: Sequence[AskedFact]) -> Table:
    """The facts that packs ask for: question, values to choose from, what hangs on each."""
    from evenhand.policies.facts import written

    columns = ["fact", "question", "values", "if not declared", "asked by"]
    made = table("Facts (subject.yaml, facts:, or --fact KEY=VALUE)", columns)
    for one in facts:
        question = " / ".join(one.question.get(language, "") for language in ("en", "zh"))
        without = f"taken as {written(one.default)}" if one.has_default else "undecided"
        hangs = f"{one.pack}: {one.hangs()}"
        made.add_row(one.fact, safe(question), safe(one.answers()), safe(without), safe(hangs))
    return made


def group_text(result: Paired) -> str:
    """``race=black, sex=F``, or ``all rows``."""
    return ", ".join(f"{k}={v}" for k, v in result.group.items()) or "all rows"


# Notes on reading that change what the numbers mean, and ask for a declaration.
_QUESTIONS = frozenset({"look-alike", "many-values", "may-be-a-code", "may-mean-nothing"})


def asked_of_reader(notes: Iterable[Mapping[str, Any]]) -> list[str]:
    """What has to be declared before the numbers mean what they seem to, in words; each with the
    option that declares it."""
    found = sentences(list(notes))
    return [render((reason,)) for reason in found if reason.code in _QUESTIONS]
