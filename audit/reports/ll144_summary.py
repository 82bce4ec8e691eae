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
from evenhand.audit.reports.parts.public import MINIMUM, of_no_place
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
_TRAITS = (("sex", _SEX), ("race", _RACE))
# What has to be published and no audit can know, 6 RCNY 5-302, 5-303, and the item of the pack by
# whose attestation somebody said it.
_PEOPLE = {
    "auditor": "LL144-11",
    "source": "LL144-10",
    "explained": "",
    "distribution": "LL144-12",
    "years": "",
}


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The page with exact numbers, for the file of who had the audit made. What it must say and
    the case does not hold is listed as a gap."""
    return _page(case, dossier, words(lang), is_public=False)


def publish(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The page to be posted: every category that the law wants, whatever others are withheld.

    People are counted to the nearest ten, so that neither sums nor a second summary with a person
    more tell of single people; rates and ratios are of the exact numbers, to two places. Categories
    under 2 % have people and rate, no ratio; those under ten people are named alone.
    """
    return _page(of_no_place(case), dossier, words(lang), is_public=True)


def _page(case: Case, dossier: Dossier, say: Words, *, is_public: bool) -> bytes:
    features = list(case.subject.sensitive_features)
    roles = case.plan.subject.roles
    sex, race = (_feature(features, roles.get(role, ()), by_name) for role, by_name in _TRAITS)
    rate = _rate(case)
    crossing = tuple(sorted((sex, race))) if sex and race else ()
    sections = (
        _table_section("ll.sex", (sex,) if sex else (), case, rate, say, is_public),
        _table_section("ll.race", (race,) if race else (), case, rate, say, is_public),
        _table_section("ll.crossing", crossing, case, rate, say, is_public),
        _dates(case, dossier, say, is_public=is_public),
    )
    document = ReportDocument(
        kind=say("ll_kind"),
        title=case.subject.name,
        lead=(
            say("ll_lead"),
            say(f"ll_rate.{rate}{'_burden' * _is_burden(case)}"),
            say("ll_ratio"),
            *([say("ll_rounded", n=MINIMUM)] if is_public else []),
        ),
        sections=sections,
        notice=say("ll_independent"),
    )
    return page(document, case, dossier.for_the_public() if is_public else dossier, say)


def _feature(features: Sequence[str], named: Sequence[str], by_name: re.Pattern[str]) -> str:
    """The column that the subject names for the trait; else the first whose name says so."""
    known = [f for f in features if f in named]
    known += [f for f in features if by_name.search(f.replace("_", " "))]
    return next(iter(known), "")


def _rate(case: Case) -> str:
    """ "scoring" where the tool scores people (or nothing else was measured), else "selection"."""
    facts = case.plan.facts
    if facts.get("system.output") == "score":
        return "scoring"
    selected = any(f.check == CHECK and f.measure == "impact_ratio" for f in case.findings)
    return "selection" if selected else "scoring"


def _table_section(
    key: str, features: tuple[str, ...], case: Case, rate: str, say: Words, is_public: bool
) -> Section:
    title = say.texts[key]
    if not features:
        return Section(title, (Gap(say("ll_no_feature"), say("ll_no_feature_fill")),))
    name = "impact_ratio" if rate == "selection" else "scoring_rate_impact_ratio"
    ratios = [
        f
        for f in case.findings
        if f.check == CHECK and f.measure == name and tuple(sorted(f.group)) == features
    ]
    if not ratios:
        asked = [say.reason(f.reason) for f in case.findings if f.measure == name and not f.group]
        fill = asked[0] if asked else say("ll_no_table_fill")
        return Section(title, (Gap(say("ll_no_table"), fill),))
    if is_public:
        blocks = _posted(title, features, ratios, case, rate, say)
    else:
        blocks = [_table(title, features, ratios, case, rate, say)]
        blocks += _under_two_percent(features, ratios, say)
    unknown = next(
        (
            f
            for f in case.findings
            if f.check == CHECK and f.measure == "unknown_count" and set(f.between) == set(features)
        ),
        None,
    )
    if unknown is not None and unknown.value is not None:
        people = int(unknown.value)
        if not is_public or people == 0:
            blocks.append(Text(say("ll_unknown", people=f"{people:,}")))
        else:
            blocks.append(Text(say("ll_unknown", people=_about(people, say))))
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
    rates = _by_group(case, "scoring_rate")
    rows = []
    for finding in sorted(found, key=_order):
        counted = _counted(finding, rates.get(_group(finding)))
        rows.append((_category(finding, features), *counted, _ratio(finding, say)))
    return TextTable(title, _heads(features, case, rate, say), tuple(rows))


def _group(finding: Finding) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(finding.group.items()))


def _by_group(case: Case, measure: str) -> dict[tuple[tuple[str, str], ...], Finding]:
    return {_group(f): f for f in case.findings if f.check == CHECK and f.measure == measure}


def _heads(features: tuple[str, ...], case: Case, rate: str, say: Words) -> tuple[str, ...]:
    people_head, rate_head = _HEADS[rate, _is_burden(case)]
    return (
        " × ".join(features),
        say("ll_assessed"),
        say(people_head),
        say.measure("selection_rate") if rate_head == "selection_rate" else say(rate_head),
        say("ll_impact_ratio"),
    )


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


def _people(finding: Finding, scoring: Finding | None) -> tuple[int, int] | None:
    """People assessed and people selected: the counts behind the ratio; None where it has none."""
    counts = as_selected(finding.counts)
    assessed, selected = counts.get("assessed"), counts.get("selected")
    if assessed is None and scoring is not None and scoring.counts:
        assessed, selected = scoring.counts.get("n"), scoring.counts.get("k")
    return None if assessed is None or selected is None else (assessed, selected)


def _counted(finding: Finding, scoring: Finding | None) -> tuple[str, str, str]:
    """People assessed, people selected, and the rate."""
    people = _people(finding, scoring)
    if people is None:
        return (f"{finding.n:,}" if finding.n else "–", "–", "–")
    assessed, selected = people
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


def _posted(
    title: str,
    features: tuple[str, ...],
    found: Sequence[Finding],
    case: Case,
    rate: str,
    say: Words,
) -> list[Block]:
    """The table of the categories that count, then those under 2 %, then those under ten people."""
    large = _by_group(case, f"large_group_{found[0].measure}")
    rates = _by_group(case, "scoring_rate")
    ratios = [large.get(_group(f), f) for f in sorted(found, key=_order)]
    told = {f.id: _told(f, rates.get(_group(f)), say) for f in ratios}
    total = max((f.counts.get("table", 0) for f in ratios), default=0)
    assessed = {f.id: f.counts.get("assessed") or f.n for f in ratios}
    counted = [f for f in ratios if assessed[f.id] >= max(MINIMUM, _LEAST_SHARE * total)]
    few = [f for f in ratios if 0 < assessed[f.id] < MINIMUM]
    rest = [f for f in ratios if f not in counted and f not in few and assessed[f.id]]
    table_rows = [
        (
            _category(f, features),
            *told[f.id],
            "–" if f.value is None else numbers.in_hundredths(f.value),
        )
        for f in counted
    ]
    blocks: list[Block] = [TextTable(title, _heads(features, case, rate, say), tuple(table_rows))]
    if rest:
        lines = []
        for f in rest:
            people, _, share = told[f.id]
            category = _category(f, features)
            lines.append(say("ll_posted_small", category=category, people=people, rate=share))
        blocks += [Text(say("ll_posted_left_out")), Bullets(tuple(lines))]
    if few:
        names = say.listed([_category(f, features) for f in few])
        blocks.append(Text(say("ll_posted_few", n=MINIMUM, names=names)))
    return blocks


def _told(finding: Finding, scoring: Finding | None, say: Words) -> tuple[str, str, str]:
    """People assessed and selected to the nearest ten, and the exact rate in whole per cent."""
    people = _people(finding, scoring)
    if people is None:
        return (_about(finding.n, say), "–", "–")
    assessed, selected = people
    rate = numbers.in_whole_percent(selected / assessed) if assessed else "–"
    return (_about(assessed, say), _about(selected, say), rate)


def _about(people: int, say: Words) -> str:
    """A number of people to the nearest ten.

    A half goes to the even ten, so that neither side gains.
    """
    return f"{round(people, -1):,}" if people >= MINIMUM else say("ll_under", n=MINIMUM)


def _dates(case: Case, dossier: Dossier, say: Words, *, is_public: bool) -> Section:
    environment = case.environment
    declared = case.plan.declared
    known: list[tuple[str, str]] = [
        (say("ll_audited_on"), numbers.moment(environment.finished_at or "–")),
        (say("fact_data"), sentences.data_name(case) or "–"),
    ]
    if not is_public:  # beside the tables it would give small categories away
        known.append((say("ll_rows"), str(case.subject.data.rows or "–")))
    known.append((say("fact_digest", name="data"), str(case.subject.digests.get("data"))))
    stated = {str(e.body.get("item")): e for e in dossier.statements(case, "attestation")}
    gaps: list[Block] = []
    for name, item in _PEOPLE.items():
        key, title = f"document.ll.{name}", say.texts[f"ll_people.{name}"]
        said = stated.get(item)
        if declared.get(key):
            known.append((title, str(declared[key])))
        elif said is not None and said.body.get("answer") == "met":
            who = f"{said.body.get('by')} ({said.body.get('role')}), {numbers.moment(said.at)}"
            known.append((title, f"{said.body.get('statement')} – {who}"))
        else:
            gaps.append(Gap(title, say("doc_or_declare_only", name=key)))
    return Section(say("ll_dates"), (Facts(tuple(known)), *gaps))
