"""HTML: one file to read, print and hand on: the decision first, then its proof, then the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evenhand.audit.case.case import Case
from evenhand.audit.reports.drawing.pictures import pictures
from evenhand.audit.reports.page.appendix import appendix
from evenhand.audit.reports.page.decision import COLUMNS, ListedItem, decision, listed
from evenhand.audit.reports.page.panels import panels
from evenhand.audit.reports.page.ranking import in_order
from evenhand.audit.reports.page.sections import sections
from evenhand.audit.reports.parts import fill, outline, pages
from evenhand.audit.reports.parts.dossier import Dossier, signatures, sources
from evenhand.audit.reports.parts.outline import PackVerdicts
from evenhand.audit.reports.parts.words import Words, words
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/html; charset=utf-8"
SUFFIX = ".html"
DESCRIPTION = "One self-contained page, in English or Chinese, to read, print and hand on."
_SETTLED = frozenset({"pass", "attested", "not-applicable", "not-yet-applicable"})
MOST_ITEMS = 40  # of one pack that are seen at once


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The page, UTF-8. Its content security policy allows its own style sheet, and the script that
    sorts and filters the table of all findings; without it everything can be read."""
    say = words(lang)
    page = decision(case, verdicts, dossier, gate, say)
    drawn = panels(case, page.entries, page.floor, say)
    whole = panels(case, page.entries, page.floor, say, most=None) if drawn else []
    order = in_order(verdicts)
    packs = outline.packs(verdicts)
    return pages.render(
        "report.html.j2",
        say,
        sheets=("report.css",),
        script="report.js",
        case=case,
        d=page,
        tone=pages.tone_of(page.standing),
        sign=pages.sign_of(page.standing),
        date=(case.environment.finished_at or "")[:10],
        panels=drawn,
        left_out=sum(b.left_out for b in drawn[0].blocks) if drawn else 0,
        whole=whole,
        sections=sections(case, verdicts, page, say),
        packs=packs,
        checklist=[_checklist(p, case, dossier, say) for p in packs],
        worst=order[0].status if order else "",
        all=appendix(page.entries, say),
        pictures=pictures(case, say),
        dossier=dossier,
        sources=sources(case, dossier, say),
        signatures=signatures(case, dossier, say),
        signature_heads=fill.signature_heads(say),
        gate=gate,
    )


@dataclass(frozen=True)
class Checklist:
    """The items of a pack that are not settled, most pressing first; ``more`` stand in the full
    list."""

    shown: tuple[tuple[str, ListedItem], ...]
    more: int


def _checklist(pack: PackVerdicts, case: Case, dossier: Dossier, say: Words) -> Checklist:
    order = [v for v in in_order(pack.verdicts) if v.status not in _SETTLED]
    shown = tuple((v.status, _short(v, case, dossier, say)) for v in order[:MOST_ITEMS])
    return Checklist(shown, len(pack.verdicts) - len(shown))


def _short(verdict: Verdict, case: Case, dossier: Dossier, say: Words) -> ListedItem:
    """An item with what is said of it, unless the first page has said so."""
    item = listed(verdict, case, dossier, say)
    is_said = any(verdict.status in statuses for _, statuses in COLUMNS)
    return replace(item, said="") if is_said else item
