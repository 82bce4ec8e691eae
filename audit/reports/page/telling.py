"""The sentences of each section: one for each finding that matters."""

from __future__ import annotations

from collections.abc import Callable

from evenhand.audit.reports.page.charts import chart
from evenhand.audit.reports.page.decision import (
    compared,
)
from evenhand.audit.reports.page.hundredths import (
    ends,
    shown,
    whole,
)
from evenhand.audit.reports.page.keynumbers import commoner
from evenhand.audit.reports.page.making import Of, PageLine
from evenhand.audit.reports.page.ranking import proven
from evenhand.audit.reports.parts import outline
from evenhand.audit.words.numbers import in_percent
from evenhand.audit.words.subject import Sayings
from evenhand.audit.words.text import name


def _fairness_lines(of: Of) -> list[PageLine]:
    found = proven(of.page.entries)
    lines = []
    for r in found[:4]:
        people = r.apart.people if r.apart else 0
        told = of.say("rp.harmed", people=f"{people:,}", n=f"{r.apart.n:,}" if r.apart else "")
        lines.append(PageLine(of.say.joined(compared(r, of.case, of.say), told)))
    if not found and any(r.apart for r in of.page.entries):
        lines.append(PageLine(of.say("rp.none_proven")))
    return lines


def _performance_lines(of: Of) -> list[PageLine]:
    say, sayings = of.say, Sayings(of.case.subject, of.say.lang)
    lines = []
    accuracy = next(iter(of.measured("accuracy_score")), None)
    guess = commoner(of.case)
    if accuracy is not None and accuracy.value is not None:
        value, between = shown(accuracy)
        key = "rp.right" if guess is None else "rp.right_guess"
        share = "" if guess is None else whole(guess)
        lines.append(PageLine(say(key, value=value, between=between, guess=share)))
    balanced = next(iter(of.measured("balanced_accuracy_score")), None)
    if balanced is not None and {"fp", "fn"} <= set(balanced.counts):
        fp, fn = balanced.counts["fp"], balanced.counts["fn"]
        lines.append(
            PageLine(
                say(
                    "rp.errors_are",
                    all=f"{fp + fn:,}",
                    fp=f"{fp:,}",
                    fn=f"{fn:,}",
                    wrongly=sayings.rate("false_positive_rate"),
                    missed=sayings.rate("false_negative_rate"),
                )
            )
        )
    if not any(
        f.check == "performance.generalisation" and f.value is not None for f in of.findings
    ):
        lines.append(PageLine(say("rp.no_training_rows")))
    return lines


def _explanation_lines(of: Of) -> list[PageLine]:
    say = of.say
    _, rows, _ = chart(of)
    lines = []
    if rows:
        lines.append(
            PageLine(say("rp.moves_most", columns=say.listed([r.label for r in rows[:3]])))
        )
    for measure in ("no_recourse_rate", "reason_stability", "sensitive_reason_rate"):
        for f in of.measured(measure):
            value, between = shown(f)
            lines.append(
                PageLine(say(f"says.{measure}", value=value, between=between, n=f"{f.n:,}"))
            )
    return lines


def _privacy_lines(of: Of) -> list[PageLine]:
    from evenhand.audit.reports.parts.plain_words import leaks, recognised

    means, told = recognised(of.case, of.say), leaks(of.case, of.say)
    return [PageLine(t) for t in (*means, *(told[1:] if means else told))]


def _data_lines(of: Of) -> list[PageLine]:
    say = of.say
    rows, dropped = (
        outline.counted(of.case, "row_count"),
        outline.counted(of.case, "dropped_row_count"),
    )
    lines = []
    if rows is not None:
        lines.append(
            PageLine(say("rp.rows_dropped", rows=f"{rows:,}", dropped=f"{dropped or 0:,}"))
        )
    missing = [
        f
        for f in of.findings
        if f.measure == "missing_rate" and f.value is not None and f.value > 0
    ]
    missing.sort(key=lambda f: (-(f.value or 0.0), f.column))
    if missing:
        told = [f"{name(f.column, 40)} {in_percent(f.value or 0.0)}" for f in missing[:3]]
        lines.append(PageLine(say("rp.most_missing", columns=say.listed(told), count=len(missing))))
    elif any(f.measure == "missing_rate" for f in of.findings):
        lines.append(PageLine(say("rp.none_missing")))
    for f in of.measured("training_row_rate"):
        lines.append(PageLine(say("rp.training_rows", value=whole(f.value or 0.0))))
    return lines


def _robustness_lines(of: Of) -> list[PageLine]:
    lines = []
    for f in of.measured("inconsistent_answer_rate"):
        value = ends(f.interval)
        key = "rp.same_answer" if f.value == 0 else "rp.other_answer"
        told = of.say(key, n=f"{f.n:,}", value=whole(f.value or 0.0), between=value)
        lines.append(PageLine(told))
    return lines


LINES: dict[str, Callable[[Of], list[PageLine]]] = {
    "fairness": _fairness_lines,
    "performance": _performance_lines,
    "explanation": _explanation_lines,
    "privacy": _privacy_lines,
    "data": _data_lines,
    "robustness": _robustness_lines,
}


def lines(of: Of) -> list[PageLine]:
    """The sentences of a section."""
    return LINES.get(of.key, lambda _: [])(of)
