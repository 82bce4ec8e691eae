"""What a case holds for the parts of an outline: blocks, or none where it holds nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evenhand.audit.case.case import Case
from evenhand.audit.finding import Finding
from evenhand.audit.reports.parts import figures, outline, sentences
from evenhand.audit.reports.parts.document import Block, Bullets, Gap, Section, Text, facts, table
from evenhand.audit.reports.parts.dossier import Dossier, signatures
from evenhand.audit.reports.parts.groups import group_rows
from evenhand.audit.reports.parts.words import Words
from evenhand.policies.verdict import Verdict

MOST_ROWS = 40


@dataclass(frozen=True)
class DocumentSource:
    """Everything that a document is made from."""

    case: Case
    verdicts: Sequence[Verdict]
    dossier: Dossier
    say: Words

    def declared(self, key: str) -> str:
        """What the maker declared under this key; "" if nothing."""
        value = self.case.plan.declared.get(key)
        return "" if value is None else str(value)


Fill = Callable[[DocumentSource], list[Block]]


def part(
    source: DocumentSource, kind: str, name: str, fill: Fill | None, *, is_whole: bool
) -> Section:
    """Part ``name`` of the outline ``kind``: what fills it, and the gap that stays.

    ``is_whole``: evidence alone answers it. A maker's text, declared under
    ``document.KIND.NAME``, closes the gap of any part.
    """
    say = source.say
    key = f"document.{kind}.{name}"
    blocks = fill(source) if fill else []
    written = source.declared(key)
    if written:
        blocks.append(Text(say("doc_declared", text=written)))
    elif not blocks or not is_whole:
        what = say("doc_gap_rest" if blocks else "doc_gap_all")
        how = say("doc_or_declare", name=key)
        blocks.append(Gap(what, say.joined(say.texts[f"{kind}_fill.{name}"], how)))
    return Section(
        say.texts[f"{kind}.{name}"], tuple(blocks), say.known(f"{kind}_asks", name) or ""
    )


def use(source: DocumentSource) -> list[Block]:
    """Intended use, as declared."""
    declared = next((source.declared(k) for k in sentences.USE_KEYS if source.declared(k)), "")
    return [Text(source.say("doc_declared", text=declared))] if declared else []


def subject(source: DocumentSource) -> list[Block]:
    """What was audited."""
    say = source.say
    told: list[Block] = [Text(" ".join(sentences.subject_sentences(source.case, say)))]
    return told + facts(sentences.subject_facts(source.case, say))


def declared(source: DocumentSource) -> list[Block]:
    """Thresholds and facts that the maker declared."""
    plan, say = source.case.plan, source.say
    pairs = outline.flat({**plan.declared, **plan.facts})
    shown = [(k, v) for k, v in pairs if not k.startswith("document.")]
    told = facts(shown)
    if plan.declared_file is not None:
        file = plan.declared_file.to_json()
        told += facts([(say("doc_declared_file"), "; ".join(f"{k}: {v}" for k, v in file.items()))])
    return told


def software(source: DocumentSource) -> list[Block]:
    """Versions, machine and how the model was opened."""
    return facts(outline.flat(source.case.environment.to_json()))


def measured(*families: str, groups: bool = False) -> Fill:
    """A table of the findings of these families that are about everybody, or about gaps."""

    def fill(source: DocumentSource) -> list[Block]:
        found = [
            f
            for f in source.case.findings
            if f.check.split(".", 1)[0] in families
            and not f.column
            and (bool(f.between) if groups else not f.group and not f.between)
        ]
        return findings_table(found, source.say("doc_measured"), source.say)

    return fill


def findings_table(found: Sequence[Finding], caption: str, say: Words) -> list[Block]:
    """Findings with value, interval, n and method; those without a value keep their reason."""
    valued = [f for f in found if f.value is not None]
    missing = [f for f in found if f.value is None]
    heads = [say("col_measure"), say("col_value"), say("col_interval"), "n", say("col_method")]
    rows = [
        [sentences.about(f, say), figures.value_of(f, say), interval(f, say), f"{f.n:,}", f.method]
        for f in valued[:MOST_ROWS]
    ]
    told = table(caption, heads, rows)
    if len(valued) > MOST_ROWS:
        told.append(Text(say("doc_more", count=len(valued) - MOST_ROWS)))
    if missing and valued:
        names = sorted({say.measure(f.measure) for f in missing})
        told.append(Text(say("doc_not_measured", names=say.listed(names))))
    return told


def interval(finding: Finding, say: Words) -> str:
    """The interval and its level, or that there is none."""
    if finding.interval is None:
        return say("no_interval")
    shown = figures.bounds(finding.interval)
    return f"{shown} {figures.level(finding.interval)}"


def columns_that_matter(source: DocumentSource) -> list[Block]:
    """The inputs that move predictions most."""
    say = source.say
    found = [
        f
        for f in source.case.findings
        if f.measure == "mean_absolute_attribution" and f.column and f.value is not None
    ]
    top = sorted(found, key=lambda f: -(f.value or 0.0))[:10]
    rows = [[f.column, figures.value_of(f, say), interval(f, say), f.method] for f in top]
    heads = [say("col_column"), say("col_value"), say("col_interval"), say("col_method")]
    return table(say("doc_columns"), heads, rows)


_SHOWN_RATES = ("selection_rate", "accuracy_score", "false_negative_rate", "false_positive_rate")


def groups(source: DocumentSource) -> list[Block]:
    """For each sensitive feature: the groups, their sizes and rates; small ones are marked."""
    say = source.say
    told: list[Block] = []
    for feature in source.case.subject.sensitive_features:
        rows = []
        for row in group_rows(source.case, str(feature)):
            rates = [_cell(row.rates.get(m), say) for m in _SHOWN_RATES]
            note = "" if row.is_compared else say("doc_small")
            size = f"{row.n:,}" if row.n else say("finding.skipped")
            rows.append([row.name, size, *rates, note])
        heads = [str(feature), "n", *(say.measure(m) for m in _SHOWN_RATES), say("doc_note")]
        told += table(say("doc_groups_of", feature=feature), heads, rows)
    return told


def _cell(finding: Finding | None, say: Words) -> str:
    if finding is None:
        return "–"
    if finding.value is None:
        return say.term("finding", finding.status)
    return f"{figures.value_of(finding, say)} {interval(finding, say)}"


def items(*clauses: str, packs: Sequence[str] = ()) -> Fill:
    """The verdicts whose clause begins with one of ``clauses`` (in these packs, or in any)."""
    pattern = re.compile("|".join(rf"(?:^|[^\d]){re.escape(c)}(?![\d])" for c in clauses) or "$^")

    def fill(source: DocumentSource) -> list[Block]:
        say = source.say
        kept = [
            v
            for v in source.verdicts
            if (not packs or v.pack in packs)
            and any(pattern.search(text) for text in v.clause.values())
        ]
        rows = [
            [
                say.pick(v.title),
                say.term("status", v.status),
                say.pick(v.because),
                f"{v.pack}:{v.item}",
            ]
            for v in kept
        ]
        heads = [say("col_item"), say("col_status"), say("col_because"), say("doc_item")]
        return table(say("doc_items"), heads, rows)

    return fill


def signed(source: DocumentSource) -> list[Block]:
    """Who attested, waived and signed."""
    say = source.say
    rows = [
        [str(s.seq), say.term("entry", s.kind), s.what, s.who, s.when, s.until, s.said, s.more]
        for s in signatures(source.case, source.dossier, say)
    ]
    return table(say("caption_signed"), signature_heads(say), rows)


def signature_heads(say: Words) -> list[str]:
    """The columns of a table of signatures."""
    return [
        say("col_entry"),
        say("col_kind"),
        say("col_what"),
        say("col_who"),
        say("col_when"),
        say("col_until"),
        say("col_said"),
        say("col_more"),
    ]


def both(*fills: Fill) -> Fill:
    """One after the other."""
    return lambda source: [block for fill in fills for block in fill(source)]


def unmeasured(source: DocumentSource) -> list[Block]:
    """What has no number, by measure, each with its reason once."""
    say = source.say
    told: dict[str, str] = {}
    for f in outline.unmeasured(source.case.findings):
        told.setdefault(f"{say.measure(f.measure)}: {say.reason(f.reason)}", f.id)
    shown = list(told)[:MOST_ROWS]
    if not shown:
        return []
    found: list[Block] = [Text(say("unmeasured_intro")), Bullets(tuple(shown))]
    if len(told) > MOST_ROWS:
        found.append(Text(say("doc_more", count=len(told) - MOST_ROWS)))
    return found
