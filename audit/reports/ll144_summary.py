"""Summary of a bias audit as New York City's Local Law 144 wants it published: the three tables.

One table for sex, one for race or ethnicity, one for their crossings, each with counts, rates and
impact ratios as the case holds them (check ``fairness.impact_ratio``; 6 RCNY 5-301, 5-303). The
law sets no pass mark and neither does this page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.favourable import as_selected, declared_favourable
from evenhand.audit.finding import Finding
from evenhand.audit.reports.parts import sentences
from evenhand.audit.reports.parts.document import (
    Block,
    Bullets,
    Facts,
    Gap,
    ReportDocument,
    Section,
    Text,
    TextTable,
    page,
)
from evenhand.audit.reports.parts.dossier import Dossier
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words import numbers
from evenhand.audit.words.numbers import in_percent
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/html; charset=utf-8"
SUFFIX = ".html"
DESCRIPTION = "The bias audit summary of NYC Local Law 144: three tables, ready to be published."

CHECK = "fairness.impact_ratio"
_LEAST_SHARE = 0.02  # 6 RCNY 5-301(d)
_SEX = re.compile(r"(^|[^a-z])(sex|gender)([^a-z]|$)|性别", re.I)
_RACE = re.compile(r"(^|[^a-z])(race|ethnic\w*|ethnicity)([^a-z]|$)|种族|族裔|民族", re.I)
# What has to be published and no audit can know: 6 RCNY 5-302, 5-303.
_PEOPLE = ("auditor", "source", "explained", "distribution", "years")


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The page. What it must say and the case does not hold is listed as a gap."""
    say = words(lang)
    features = list(case.subject.sensitive_features)
    sex, race = (_feature(features, pattern) for pattern in (_SEX, _RACE))
    rate = _rate(case)
    crossing = tuple(sorted((sex, race))) if sex and race else ()
    sections = (
        _table_section("ll.sex", (sex,) if sex else (), case, rate, say),
        _table_section("ll.race", (race,) if race else (), case, rate, say),
        _table_section("ll.crossing", crossing, case, rate, say),
        _dates(case, say),
    )
    document = ReportDocument(
        kind=say("ll_kind"),
        title=case.subject.name,
        lead=(
            say("ll_lead"),
            say(f"ll_rate.{rate}{'_burden' * _is_burden(case)}"),
            say("ll_ratio"),
        ),
        sections=sections,
        notice=say("ll_independent"),
    )
    return page(document, case, dossier, say)


def _feature(features: Sequence[str], pattern: re.Pattern[str]) -> str:
    return next((f for f in features if pattern.search(f.replace("_", " "))), "")


def _rate(case: Case) -> str:
    """ "scoring" where the tool scores people (or nothing else was measured), else "selection"."""
    facts = case.plan.facts
    if facts.get("system.output") == "score":
        return "scoring"
    selected = any(f.check == CHECK and f.measure == "impact_ratio" for f in case.findings)
    return "selection" if selected else "scoring"


def _table_section(
    key: str, features: tuple[str, ...], case: Case, rate: str, say: Words
) -> Section:
    title = say.texts[key]
    if not features:
        return Section(title, (Gap(say("ll_no_feature"), say("ll_no_feature_fill")),))
    name = "impact_ratio" if rate == "selection" else "scoring_rate_impact_ratio"
    found = [
        f
        for f in case.findings
        if f.check == CHECK and f.measure == name and tuple(sorted(f.group)) == features
    ]
    if not found:
        asked = [say.reason(f.reason) for f in case.findings if f.measure == name and not f.group]
        fill = asked[0] if asked else say("ll_no_table_fill")
        return Section(title, (Gap(say("ll_no_table"), fill),))
    blocks: list[Block] = [_table(title, features, found, case, rate, say)]
    blocks += _under_two_percent(features, found, say)
    unknown = next(
        (
            f
            for f in case.findings
            if f.check == CHECK and f.measure == "unknown_count" and set(f.between) == set(features)
        ),
        None,
    )
    if unknown is not None and unknown.value is not None:
        blocks.append(Text(say("ll_unknown", people=f"{int(unknown.value):,}")))
    elif unknown is not None:
        blocks.append(Text(f"{say('ll_unknown_missing')} {say.reason(unknown.reason)}"))
    return Section(title, tuple(blocks))


def _table(
    title: str,
    features: tuple[str, ...],
    found: Sequence[Finding],
    case: Case,
    rate: str,
    say: Words,
) -> Block:
    rates = {
        tuple(sorted(f.group.items())): f
        for f in case.findings
        if f.check == CHECK and f.measure == "scoring_rate"
    }
    rows = []
    for finding in sorted(found, key=_order):
        counted = _counted(finding, rates.get(tuple(sorted(finding.group.items()))))
        rows.append((_category(finding, features), *counted, _ratio(finding, say)))
    people_head, rate_head = _HEADS[rate, _is_burden(case)]
    heads = [
        " × ".join(features),
        say("ll_assessed"),
        say(people_head),
        say.measure("selection_rate") if rate_head == "selection_rate" else say(rate_head),
        say("ll_impact_ratio"),
    ]
    return TextTable(title, tuple(heads), tuple(rows))


# (rate, whether being selected or scored high is a burden) -> heads of the people and the rate
_HEADS = {
    ("selection", False): ("ll_selected", "selection_rate"),
    ("selection", True): ("ll_not_selected", "ll_not_selected_rate"),
    ("scoring", False): ("ll_above", "ll_scoring_rate"),
    ("scoring", True): ("ll_below", "ll_scoring_rate"),
}


def _is_burden(case: Case) -> bool:
    outcome = declared_favourable(case.subject)
    return outcome is not None and not outcome.is_selection


def _counted(finding: Finding, scoring: Finding | None) -> tuple[str, str, str]:
    """People assessed, people selected, and the rate: from the counts behind the ratio."""
    counts = as_selected(finding.counts)
    assessed, selected = counts.get("assessed"), counts.get("selected")
    if assessed is None and scoring is not None and scoring.counts:
        assessed, selected = scoring.counts.get("n"), scoring.counts.get("k")
    if assessed is None or selected is None:
        return (f"{finding.n:,}" if finding.n else "–", "–", "–")
    if assessed == 0:
        return ("0", "0", "–")
    return (f"{assessed:,}", f"{selected:,}", in_percent(selected / assessed))


def _ratio(finding: Finding, say: Words) -> str:
    if finding.value is None:
        return f"{say.term('finding', finding.status)}: {say.reason(finding.reason)}"
    return numbers.of_measure(finding.measure, finding.value)


def _under_two_percent(
    features: tuple[str, ...], found: Sequence[Finding], say: Words
) -> list[Block]:
    """Categories that an independent auditor may leave out, named: 5-301(d)."""
    total = max((f.counts.get("table", 0) for f in found), default=0)
    if not total:
        return []
    small = [f for f in found if 0 < (f.counts.get("assessed") or f.n) < _LEAST_SHARE * total]
    if not small:
        return [Text(say("ll_none_small"))]
    told = [
        say(
            "ll_small_item" if f.value is not None else "ll_small_left_out",
            category=_category(f, features),
            people=f"{f.counts.get('assessed') or f.n:,}",
            total=f"{total:,}",
        )
        for f in small
    ]
    return [Text(say("ll_small")), Bullets(tuple(told))]


def _category(finding: Finding, features: tuple[str, ...]) -> str:
    return " × ".join(finding.group[f] for f in features)


def _order(finding: Finding) -> tuple[int, str]:
    return (-(finding.counts.get("assessed") or finding.n), finding.id)


def _dates(case: Case, say: Words) -> Section:
    environment = case.environment
    declared = case.plan.declared
    known: list[tuple[str, str]] = [
        (say("ll_audited_on"), numbers.moment(environment.finished_at or "–")),
        (say("fact_data"), sentences.data_name(case) or "–"),
        (say("ll_rows"), str(case.subject.data.rows or "–")),
        (say("fact_digest", name="data"), str(case.subject.digests.get("data"))),
    ]
    gaps: list[Block] = []
    for name in _PEOPLE:
        key = f"document.ll.{name}"
        if declared.get(key):
            known.append((say.texts[f"ll_people.{name}"], str(declared[key])))
        else:
            gaps.append(Gap(say.texts[f"ll_people.{name}"], say("doc_or_declare_only", name=key)))
    return Section(say("ll_dates"), (Facts(tuple(known)), *gaps))
