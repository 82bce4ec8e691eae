"""Technical file: the nine points of Annex IV of the EU AI Act, filled where evidence exists.

The outline is in our own words; each part that the case does not answer is listed as a gap, with
what would fill it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evenhand.audit.case.case import Case
from evenhand.audit.reports.parts import fill, plain_words
from evenhand.audit.reports.parts.document import ReportDocument, Section, page
from evenhand.audit.reports.parts.dossier import Dossier
from evenhand.audit.reports.parts.words import words
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict

MEDIA_TYPE = "text/html; charset=utf-8"
SUFFIX = ".html"
DESCRIPTION = "The EU AI Act's technical file (Annex IV outline): filled where evidence exists."

_ACT = ("eu-ai-act-high-risk",)


def _asked(*articles: str) -> fill.Fill:
    return fill.items(*articles, packs=_ACT)


# Part of the outline -> what fills it, and whether that answers it whole.
_FILLS: Mapping[str, tuple[fill.Fill | None, bool]] = {
    "1a": (fill.both(fill.use, fill.subject), False),
    "1b": (None, False),
    "1c": (fill.software, True),
    "1d": (None, False),
    "1e": (None, False),
    "1f": (None, False),
    "1g": (None, False),
    "1h": (_asked("Art. 13"), False),
    "2a": (None, False),
    "2b": (fill.columns_that_matter, False),
    "2c": (fill.measured("energy"), False),
    "2d": (fill.both(fill.measured("data"), _asked("Art. 10")), False),
    "2e": (_asked("Art. 14"), False),
    "2f": (None, False),
    "2g": (
        fill.both(
            fill.measured("performance", "robustness"),
            fill.groups,
            fill.measured("fairness", groups=True),
            fill.signed,
        ),
        True,
    ),
    "2h": (fill.both(fill.measured("privacy"), _asked("Art. 15(5)")), False),
    "3": (fill.both(fill.groups, fill.unmeasured), False),
    "4": (fill.declared, False),
    "5": (_asked("Art. 9"), False),
    "6": (None, False),
    "7": (None, False),
    "8": (None, False),
    "9": (_asked("Art. 72"), False),
}
_POINTS = ("1", "2", "3", "4", "5", "6", "7", "8", "9")


def render(
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str,
    gate: Gate | None,
    dossier: Dossier,
) -> bytes:
    """The page: a first page in plain words, nine points, and the sources."""
    say = words(lang)
    source = fill.DocumentSource(case, verdicts, dossier, say)
    document = ReportDocument(
        kind=say("tf_kind"),
        title=case.subject.name,
        lead=(
            say("tf_lead"),
            *plain_words.does(case, say),
            *plain_words.worse(case, say),
            *plain_words.leaks(case, say),
        ),
        sections=tuple(_point(source, name) for name in _POINTS),
    )
    return page(document, case, dossier, say)


def _point(source: fill.DocumentSource, name: str) -> Section:
    if name in _FILLS:
        how, whole = _FILLS[name]
        return fill.part(source, "tf", name, how, is_whole=whole)
    parts = tuple(
        fill.part(source, "tf", sub, how, is_whole=whole)
        for sub, (how, whole) in _FILLS.items()
        if sub.startswith(name)
    )
    return Section(source.say.texts[f"tf.{name}"], (), parts=parts)
