"""HTML: one file to read, print and hand on; no script, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.reports.drawing.pictures import pictures
from evenhand.audit.reports.parts import fill, outline, pages, plain_words
from evenhand.audit.reports.parts.dossier import Dossier, signatures, sources
from evenhand.audit.reports.parts.words import words
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/html; charset=utf-8"
SUFFIX = ".html"
DESCRIPTION = "One self-contained page, in English or Chinese, to read, print and hand on."


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The page, UTF-8. Its content security policy allows its own style sheet and nothing else."""
    say = words(lang)
    return pages.render(
        "report.html.j2",
        say,
        case=case,
        first=plain_words.first_page(case, verdicts, dossier, say),
        dossier=dossier,
        sources=sources(case, dossier, say),
        signatures=signatures(case, dossier, say),
        signature_heads=fill.signature_heads(say),
        pictures=pictures(case, say),
        gate=gate,
        packs=outline.packs(verdicts),
        failing=outline.pressing(verdicts, outline.FAILING),
        unsettled=outline.pressing(verdicts, outline.OPEN),
        families=outline.families(case.findings),
        unmeasured=outline.unmeasured(case.findings),
    )
