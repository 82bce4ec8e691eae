"""The chart of each section: rows of a label, a mark on a scale, a number."""

from __future__ import annotations

from collections.abc import Callable

from evenhand.audit.finding import Finding
from evenhand.audit.reports.page.hundredths import (
    is_share,
    shown,
    strip,
    whole,
)
from evenhand.audit.reports.page.keynumbers import commoner
from evenhand.audit.reports.page.making import MOST_ROWS, Of, PageRow
from evenhand.audit.reports.page.ranking import proven
from evenhand.audit.reports.parts.words import Words
from evenhand.audit.words.numbers import in_percent, number
from evenhand.audit.words.subject import Sayings
from evenhand.audit.words.text import name

MOST_PLAIN = 5  # numbers without a common scale
Chart = tuple[str, list[PageRow], tuple[str, ...]]


def _fairness(of: Of) -> Chart:
    """Each group against everybody else, what leads first."""
    sayings, say = Sayings(of.case.subject, of.say.lang), of.say
    leading = {id(r) for r in proven(of.page.entries)}
    entries = [r for r in of.page.entries if r.apart and len(r.finding.group) == 1]
    entries.sort(key=lambda r: (id(r) not in leading, r.is_small, -r.apart.low if r.apart else 0))
    rows = []
    for r in entries[:MOST_ROWS]:
        apart = r.apart
        assert apart is not None
        f = r.finding
        turned = f.model_copy(
            update={
                "value": apart.value,
                "interval": f.interval.model_copy(update={"low": apart.low, "high": apart.high})
                if f.interval
                else None,
            }
        )
        tone = "small" if r.is_small else "bad" if id(r) in leading else "mark"
        note = say("rp.people_at_least", people=f"{apart.people:,}") if tone == "bad" else ""
        label = sayings.heading(apart.measure) or say.measure(apart.measure)
        drawn = strip(turned, axis=(-0.5, 0.5), tone=tone, zero=0.0)
        rows.append(
            PageRow(
                name(" ".join(f.group.values()), 40), label, drawn, _signed(apart.value), note, tone
            )
        )
    if not rows:
        return _gaps(of)
    return say("rp.chart.fairness"), rows, ("−50", "−25", "0", "+25", "+50")


def _gaps(of: Of) -> Chart:
    """Where no group is held against everybody else: the gaps between groups, what leads first."""
    say = of.say
    found = [
        f
        for r in of.page.entries
        if (f := r.finding).between and is_share(f) and f.check.startswith("fairness.")
    ]
    rows = [
        PageRow(name(" × ".join(f.between), 40), say.measure(f.measure), strip(f), *with_ends(f))
        for f in found[:MOST_ROWS]
    ]
    return say("rp.chart.gaps"), rows, ("0", "25", "50", "75", "100") if rows else ()


def _signed(share: float) -> str:
    told = whole(abs(share))
    return told if told == "0" else f"{'+' if share > 0 else '−'}{told}"


def _performance(of: Of) -> Chart:
    say, sayings = of.say, Sayings(of.case.subject, of.say.lang)
    measures = of.measured(
        "accuracy_score",
        "balanced_accuracy_score",
        "roc_auc_score",
        "precision_score",
        "recall_score",
        "f1_score",
    )
    usual = {
        "accuracy_score": commoner(of.case),
        "balanced_accuracy_score": 0.5,
        "roc_auc_score": 0.5,
    }
    rows = []
    for f in measures:
        label = sayings.heading("accuracy_score") if f.measure == "accuracy_score" else None
        about = say.known("about", f.measure) or ""
        rows.append(
            PageRow(
                label or say.measure(f.measure),
                about,
                strip(f, usual=usual.get(f.measure)),
                *with_ends(f),
            )
        )
    if rows:
        return say("rp.chart.performance"), rows, ("0", "25", "50", "75", "100")
    return _plain(of)


def with_ends(finding: Finding) -> tuple[str, str]:
    value, between = shown(finding)
    return value, f"({between})" if between else ""


def _explanation(of: Of) -> Chart:
    say = of.say
    moved = [
        f
        for f in of.findings
        if f.measure == "mean_absolute_attribution" and f.column and not f.group and f.value
    ]
    moved.sort(key=lambda f: (-(f.value or 0.0), f.column))
    top = moved[:MOST_ROWS]
    most = max((f.interval.high if f.interval else f.value or 0.0 for f in top), default=0.0)
    rows = [
        PageRow(
            name(f.column, 40), "", strip(f, axis=(0.0, most), zero=0.0), number(f.value or 0.0), ""
        )
        for f in top
    ]
    return say("rp.chart.explanation"), rows, ("0", number(most / 2), number(most)) if most else ()


def _privacy(of: Of) -> Chart:
    say = of.say
    epsilons = [
        *of.measured("declared_epsilon", "composed_epsilon", "empirical_epsilon"),
        *(f for f in of.findings if f.measure.endswith("attack_auc") and f.value is not None),
    ]
    most = max(10.0, *(f.value or 0.0 for f in epsilons)) if epsilons else 10.0
    rows = [
        PageRow(
            say.measure(f.measure),
            say.known("about", f.measure) or "",
            strip(f, axis=(0.0, 1.0 if is_share(f) else most), zero=0.0),
            *with_ends(f),
        )
        for f in epsilons
    ]
    return say("rp.chart.privacy"), rows, ("0", number(most / 2), number(most))


def _data(of: Of) -> Chart:
    say = of.say
    features = set(of.case.subject.sensitive_features)
    found = [
        f
        for f in of.findings
        if f.measure == "group_share"
        and len(f.group) == 1
        and f.value is not None
        and set(f.group) <= features
    ]
    order = list(of.case.subject.sensitive_features)
    found.sort(key=lambda f: (order.index(next(iter(f.group))), -(f.value or 0.0)))
    rows = []
    for f in found[:MOST_ROWS]:
        [(feature, group)] = f.group.items()
        size = size_of(of, feature, group)
        tone = "small" if size is not None and size < of.page.floor else "mark"
        note = "" if size is None else say("rp.rows_n", rows=f"{size:,}")
        value = in_percent(f.value or 0.0)
        rows.append(
            PageRow(name(group, 40), name(feature, 40), strip(f, tone=tone), value, note, tone)
        )
    return say("rp.chart.data"), rows, ("0", "25", "50", "75", "100")


def size_of(of: Of, feature: str, group: str) -> int | None:
    for f in of.findings:
        if f.measure == "group_count" and dict(f.group) == {feature: group} and f.value is not None:
            return int(f.value)
    return None


def _plain(of: Of) -> Chart:
    """Any numbers of the whole: in a hundred on one scale where they are shares, else as text."""
    say = of.say
    found = [
        f for f in of.findings if f.value is not None and not (f.group or f.between or f.column)
    ]
    asked = {name for v in of.items for name in v.findings}
    found.sort(key=lambda f: f.id not in asked)
    rows = []
    for f in found[:MOST_PLAIN]:
        value, between = shown(f)
        unit = say("rp.in_hundred") if is_share(f) else _unit(f, say)
        drawn = strip(f) if is_share(f) else None
        told = f"({between}) {unit}".strip() if between else unit
        rows.append(
            PageRow(say.measure(f.measure), say.known("about", f.measure) or "", drawn, value, told)
        )
    rows.sort(key=lambda r: r.strip is None)
    has_strips = any(r.strip for r in rows)
    return say("rp.chart.numbers"), rows, ("0", "25", "50", "75", "100") if has_strips else ()


def _unit(finding: Finding, say: Words) -> str:
    return "" if finding.unit in ("", "row", "count", "ratio") else say.term("unit", finding.unit)


CHARTS: dict[str, Callable[[Of], Chart]] = {
    "fairness": _fairness,
    "performance": _performance,
    "explanation": _explanation,
    "privacy": _privacy,
    "data": _data,
}


def chart(of: Of) -> Chart:
    """The chart of a section: its title, rows and scale."""
    return CHARTS.get(of.key, _plain)(of)
