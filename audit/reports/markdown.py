"""Markdown: a short summary, for a comment on a change."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts import outline, plain_words, sentences
from evenhand.audit.reports.parts.dossier import Dossier, sources
from evenhand.audit.reports.parts.text import code, markdown
from evenhand.audit.reports.parts.words import Words, words
from evenhand.audit.words.text import short
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/markdown; charset=utf-8"
SUFFIX = ".md"
DESCRIPTION = "A short summary in Markdown, for a comment on a change."

_SHOWN = 15
_SIGNS = {"fail": "❌", "error": "❗", "inconclusive": "❔", "needs-attestation": "✍️", "warn": "⚠️"}


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """Counts for each pack, what fails, what is open: at most 15 items each, the rest counted.

    Names from data and packs cannot form links, mentions, HTML or table cells.
    """
    say = words(lang)
    parts = [f"## {markdown(say('md_title', name=case.subject.name))}"]
    parts.append(markdown(" ".join(sentences.coverage_sentences(case, say))))
    parts.append("\n".join(f"- {markdown(x)}" for x in plain_words.worse(case, say)))
    if gate is not None:
        parts.append(_gate(gate, say))
    if verdicts:
        parts.append(_counts(verdicts, say))
        failing = outline.pressing(verdicts, outline.FAILING)
        unsettled = outline.pressing(verdicts, outline.OPEN)
        parts.append(_items(say("h_failing"), failing, say("nothing_fails"), say))
        parts.append(_items(say("h_open"), unsettled, say("nothing_open"), say))
    else:
        parts.append(markdown(say("no_packs")))
    missing = len(outline.unmeasured(case.findings))
    if missing:
        parts.append(markdown(say("md_unmeasured", count=missing)))
    parts.append(f"{markdown(say('h_sources'))}:\n\n{listed_sources(case, dossier, say)}")
    parts.append(f"_{markdown(say('law'))}_")
    return ("\n\n".join(parts) + "\n").encode()


def listed_sources(case: Case, dossier: Dossier, say: Words) -> str:
    """Case, packs and register entries, a line each."""
    return "\n".join(f"- {markdown(k)}: {code(v)}" for k, v in sources(case, dossier, say))


def _gate(gate: Gate, say: Words) -> str:
    settings = [f"{markdown(k)}: {code(v)}" for k, v in sentences.gate_facts(gate, say)]
    outcome = markdown(sentences.gate_outcome(gate, say))
    return f"**{markdown(say('h_gate'))}.** {outcome} {say.listed(settings)}".replace("  ", " ")


def _counts(verdicts: Sequence[Verdict], say: Words) -> str:
    packs = outline.packs(verdicts)
    present = outline.present(packs)
    heads = [say("h_counts"), *(say.term("status", s) for s in present)]
    lines = [f"| {' | '.join(map(markdown, heads))} |", "| --- |" + " ---: |" * len(present)]
    for pack in packs:
        counts = dict(pack.counts)
        cells = [f"{markdown(pack.id)} {markdown(pack.version)}"]
        cells += [str(counts.get(s, 0)) for s in present]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _items(heading: str, verdicts: Sequence[Verdict], none: str, say: Words) -> str:
    if not verdicts:
        return f"### {markdown(heading)}\n\n{markdown(none)}"
    lines = [_item(v, say) for v in verdicts[:_SHOWN]]
    if len(verdicts) > _SHOWN:
        lines.append(f"- {markdown(say('md_more', count=len(verdicts) - _SHOWN))}")
    return f"### {markdown(heading)}\n\n" + "\n".join(lines)


def _item(verdict: Verdict, say: Words) -> str:
    sign = _SIGNS[verdict.status]
    word = markdown(say.term("status", verdict.status))
    title = markdown(short(say.pick(verdict.title)))
    because = markdown(short(say.pick(verdict.because), 400))
    line = f"- {sign} **{word}: {title}** ({code(f'{verdict.pack} {verdict.item}')}, "
    line += f"{markdown(say.term('severity', verdict.severity))}): {because}"
    if verdict.fix:
        line += f"\n  {markdown(say('fix'))} {markdown(short(say.pick(verdict.fix), 400))}"
    return line
