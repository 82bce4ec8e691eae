"""Datasheet for the audited data: rows, columns, missing values, groups, labels; open questions."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.reports.parts import figures, fill, outline, sentences
from evenhand.audit.reports.parts.document import Block, ReportDocument, Text, facts, page, table
from evenhand.audit.reports.parts.dossier import Dossier
from evenhand.audit.reports.parts.words import words
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/html; charset=utf-8"
SUFFIX = ".html"
DESCRIPTION = "Datasheet for the audited data: what was counted, and what only people can answer."

_MOST_COLUMNS = 200


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The page: what was counted first, then the questions that only people can answer."""
    say = words(lang)
    source = fill.DocumentSource(case, verdicts, dossier, say)
    parts = {
        "shape": (_shape, True),
        "columns": (_columns, True),
        "groups": (_groups, True),
        "represent": (_representation, True),
        "proxies": (_proxies, True),
        "why": (None, False),
        "collected": (None, False),
        "consent": (None, False),
        "labels": (None, False),
        "prepared": (None, False),
        "uses": (None, False),
        "kept": (None, False),
    }
    rows = outline.counted(case, "row_count")
    document = ReportDocument(
        kind=say("ds_kind"),
        title=sentences.data_name(case) or case.subject.name,
        lead=(
            say("ds_lead"),
            say("sum_rows", rows=f"{rows:,}") if rows is not None else say("sum_rows_unknown"),
        ),
        sections=tuple(
            fill.part(source, "ds", name, how, is_whole=whole)
            for name, (how, whole) in parts.items()
        ),
    )
    return page(document, case, dossier, say)


def _shape(source: fill.DocumentSource) -> list[Block]:
    case, say = source.case, source.say
    subject = case.subject
    return facts(
        [
            (say("fact_data"), subject.data.path),
            (say("ds_rows_file"), subject.data.rows),
            (say("ds_rows_used"), outline.counted(case, "row_count")),
            (say("ds_rows_dropped"), outline.counted(case, "dropped_row_count")),
            (say("ds_columns_counted"), len(_by_column(case, "missing_rate")) or None),
            (say("ds_target"), subject.target),
            (say("ds_positive"), subject.positive_label),
            (say("fact_features"), say.listed(subject.sensitive_features)),
            *(
                (say("fact_digest", name=name), digest)
                for name, digest in sorted(subject.digests.items())
            ),
        ]
    )


def _by_column(case: Case, measure: str) -> list[Finding]:
    return [f for f in case.findings if f.measure == measure and f.column and not f.group]


def _columns(source: fill.DocumentSource) -> list[Block]:
    say = source.say
    findings = sorted(
        _by_column(source.case, "missing_rate"), key=lambda f: (-(f.value or 0.0), f.column)
    )
    rows = [
        [
            f.column,
            figures.value_of(f, say) if f.value is not None else say.term("finding", f.status),
            fill.interval(f, say),
            f"{f.counts['k']:,}" if "k" in f.counts else "–",
            f"{f.n:,}",
        ]
        for f in findings[:_MOST_COLUMNS]
    ]
    heads = [
        say("col_column"),
        say.measure("missing_rate"),
        say("col_interval"),
        say("ds_missing"),
        "n",
    ]
    told = table(say("ds_columns_caption"), heads, rows)
    if len(findings) > _MOST_COLUMNS:
        told.append(Text(say("doc_more", count=len(findings) - _MOST_COLUMNS)))
    return told


def _groups(source: fill.DocumentSource) -> list[Block]:
    """Sizes, shares and label rates: of single features first, then of crossings."""
    say, case = source.say, source.case
    measures = ("group_count", "group_share", "label_rate")
    found: dict[tuple[tuple[str, str], ...], dict[str, Finding]] = {}
    for f in case.findings:
        if f.check == "data.groups" and f.group and not f.column and f.measure in measures:
            found.setdefault(tuple(sorted(f.group.items())), {})[f.measure] = f
    rows = []
    for group, by_measure in sorted(found.items(), key=lambda item: (len(item[0]), item[0])):
        cells = [_cell(by_measure.get(m), source) for m in measures]
        rows.append([" × ".join(f"{k} = {v}" for k, v in group), *cells])
    heads = [say("ds_group"), *(say.measure(m) for m in measures)]
    return table(say("ds_groups_caption"), heads, rows)


def _cell(finding: Finding | None, source: fill.DocumentSource) -> str:
    if finding is None:
        return "–"
    if finding.value is None:
        return f"{source.say.term('finding', finding.status)}: {source.say.reason(finding.reason)}"
    shown = figures.value_of(finding, source.say)
    return f"{shown} {fill.interval(finding, source.say)}" if finding.interval else shown


def _representation(source: fill.DocumentSource) -> list[Block]:
    found = [f for f in source.case.findings if f.check == "data.representation"]
    return fill.findings_table(found, source.say("ds_represent_caption"), source.say)


def _proxies(source: fill.DocumentSource) -> list[Block]:
    """The columns that tell most about a sensitive feature."""
    say = source.say
    found = [f for f in source.case.findings if f.measure == "proxy_strength" and f.value]
    top = sorted(found, key=lambda f: -(f.value or 0.0))[:15]
    rows = [
        [f.column, say.listed(list(f.between)), figures.value_of(f, say), fill.interval(f, say)]
        for f in top
    ]
    heads = [say("col_column"), say("fact_features"), say("col_value"), say("col_interval")]
    return table(say("ds_proxies_caption"), heads, rows)
