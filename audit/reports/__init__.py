"""Reports: a case and its verdicts, in a form to read, to hand on, or to feed to another tool.

Every module in this folder is one format; a new file is a new format. What formats share lives in
``parts``. Reports compute nothing: they show the findings of the case and the verdicts they are
given. The same case, verdicts, language, gate and dossier give the same bytes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from typing import Protocol, cast

from evenhand.audit.case.case import Case
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.reports.parts.dossier import Dossier
from evenhand.audit.reports.parts.public import for_the_public
from evenhand.audit.reports.parts.words import LANGUAGES
from evenhand.policies.gate import Gate
from evenhand.policies.verdict import Verdict


class ReportFormat(Protocol):
    """What a module in this folder offers."""

    MEDIA_TYPE: str
    SUFFIX: str
    DESCRIPTION: str

    def render(
        self,
        case: Case,
        verdicts: Sequence[Verdict],
        *,
        lang: str,
        gate: Gate | None,
        dossier: Dossier,
    ) -> bytes:
        """The report's bytes."""
        ...


def _discover() -> dict[str, ReportFormat]:
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.ispkg)
    return {n: cast(ReportFormat, importlib.import_module(f"{__name__}.{n}")) for n in names}


FORMATS: dict[str, ReportFormat] = _discover()


def render(
    format: str,
    case: Case,
    verdicts: Sequence[Verdict],
    *,
    lang: str = "en",
    gate: Gate | None = None,
    public: bool = False,
    dossier: Dossier | None = None,
) -> bytes:
    """Renders ``case`` and ``verdicts`` as ``format`` (a key of FORMATS; hyphens will do).

    Parameters
    ----------
    lang        "en" or "zh": the report's own words, and the verdicts' where they have both.
    gate        How the gate was set and the exit code that it gave; None where none was asked for.
    dossier     The packs that judged, the register, and one person's reasons where the format is
                about one; None where a report is to say nothing of them.
    public      Whether to withhold what is about groups under ten people, and what would give
                their size away (see ``parts.public``), and the names of people who signed: for
                reports that leave the house.

    Raises InputError for an unknown format or language.
    """
    chosen = FORMATS.get(format.replace("-", "_"))
    if chosen is None:
        raise InputError(
            "there is no report format {format!r}", remedy=nearest(format, FORMATS), format=format
        )
    if lang not in LANGUAGES:
        raise InputError(
            "reports are not written in language {lang_!r}",
            remedy=nearest(lang, LANGUAGES),
            lang_=lang,
        )
    dossier = dossier or Dossier()
    own = getattr(chosen, "publish", None)
    if public and own is not None:  # a document whose published form a law describes
        made: bytes = own(case, verdicts, lang=lang, gate=gate, dossier=dossier)
        return made
    if public:
        case, verdicts = for_the_public(case, verdicts)
        dossier = dossier.for_the_public()
    return chosen.render(case, verdicts, lang=lang, gate=gate, dossier=dossier)


__all__ = ["FORMATS", "Dossier", "Format", "render"]
