"""Impact assessment: the outlines of PIPL Art. 55-56 and of the AI Act's Art. 27, prefilled.

Groups at risk and the numbers about them come from the case; what only people can answer is listed
as a gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts import fill, plain_words
from evenhand.audit.reports.parts.document import Block, Bullets, ReportDocument, Section, page
from evenhand.audit.reports.parts.dossier import Dossier
from evenhand.audit.reports.parts.words import words
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/html; charset=utf-8"
SUFFIX = ".html"
DESCRIPTION = "Impact assessment (PIPL Art. 55-56, AI Act Art. 27): prefilled, gaps listed."

_PIPL = ("cn-pipl-automated-decision",)
_ACT = ("eu-ai-act-high-risk",)


def _harms(source: fill.DocumentSource) -> list[Block]:
    """Who fares worse, in people in a hundred."""
    return [Bullets(tuple(plain_words.worse(source.case, source.say)))]


def _leaks(source: fill.DocumentSource) -> list[Block]:
    return [Bullets(tuple(plain_words.leaks(source.case, source.say)))]


_FILLS: Mapping[str, tuple[fill.Fill | None, bool]] = {
    "p55": (fill.both(fill.declared, fill.items("第五十五条", packs=_PIPL)), False),
    "p56a": (
        fill.both(fill.use, fill.subject, fill.items("第六条", "第八条", packs=_PIPL)),
        False,
    ),
    "p56b": (
        fill.both(
            _harms,
            fill.groups,
            _leaks,
            fill.measured("privacy"),
            fill.items("第二十四条", packs=_PIPL),
        ),
        True,
    ),
    "p56c": (fill.items("第五十一条", "第五十四条", packs=_PIPL), False),
    "p56d": (fill.signed, False),
    "f27a": (fill.use, False),
    "f27b": (None, False),
    "f27c": (fill.both(fill.groups, fill.measured("fairness", groups=True)), True),
    "f27d": (fill.both(_harms, _leaks, fill.measured("fairness", groups=True)), False),
    "f27e": (fill.items("Art. 14", packs=_ACT), False),
    "f27f": (fill.signed, False),
    "f27n": (fill.items("Art. 27", packs=_ACT), False),
}
_OUTLINES = ("p", "f")


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The page: groups at risk first, then the two outlines."""
    say = words(lang)
    source = fill.DocumentSource(case, verdicts, dossier, say)
    sections = tuple(
        Section(
            say.texts[f"ia.{name}"],
            (),
            say.texts[f"ia_asks.{name}"],
            tuple(
                fill.part(source, "ia", sub, how, is_whole=whole)
                for sub, (how, whole) in _FILLS.items()
                if sub.startswith(name)
            ),
        )
        for name in _OUTLINES
    )
    document = ReportDocument(
        kind=say("ia_kind"),
        title=case.subject.name,
        lead=(
            say("ia_lead"),
            *plain_words.does(case, say),
            *plain_words.wrong(case, say),
            *plain_words.worse(case, say),
            *plain_words.leaks(case, say),
        ),
        sections=sections,
    )
    return page(document, case, dossier, say)
