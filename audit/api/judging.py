"""Cases that exist: read, judged, reported, compared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from evenhand.audit.api.options import GateOptions
from evenhand.audit.api.results import Compared, Document, Result
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.run import flow

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.policies.pack import Pack


def load_case(path: str | PathLike[str]) -> Result:
    """A sealed case, judged today by the packs that it was planned for.

    Raises InputError where there is no case, AlteredEvidenceError where one was changed.

    >>> import evenhand
    >>> evenhand.load_case(CASE).passed
    True
    """
    return judge(path)


def judge(
    case: str | PathLike[str] | Case | Result,
    policy: str | Sequence[str] | None = None,
    *,
    compare_to: str | PathLike[str] | Case | Result | None = None,
    **gate: Unpack[GateOptions],
) -> Result:
    """Judges a case with policy packs; nothing is measured again.

    Parameters
    ----------
    case       : a case's folder, or what an audit answered
    policy     : packs: ids (``evenhand policies list``) or paths; by default those that the case
                 was planned for
    compare_to : another case, for items that ask for no group to be worse off
    gate       : see ``GateOptions``

    Raises InputError for packs that can't be read, AlteredEvidenceError for a changed case.

    >>> import evenhand
    >>> result = evenhand.judge(CASE, "baseline")
    >>> result.verdicts.to_pandas().columns[:3].tolist()
    ['pack', 'pack_version', 'item']
    """
    read = case_of(case)
    named = [policy] if isinstance(policy, str) else policy
    loaded = flow.packs_for(read, named)
    other = None if compare_to is None else case_of(compare_to)
    return judged(read, loaded, gate, compare_to=other)


def judged(
    case: Case, packs: Sequence[Pack], gate: GateOptions, *, compare_to: Case | None = None
) -> Result:
    """A case with the verdicts of packs that were read. Raises InputError for unknown options."""
    unknown = sorted(set(gate) - set(GateOptions.__annotations__))
    if unknown:
        raise InputError(
            "unknown option {unknown!r}",
            remedy=nearest(unknown[0], GateOptions.__annotations__),
            unknown=unknown[0],
        )
    options: dict[str, Any] = dict(gate)
    day = options.pop("as_of", None) or datetime.now(UTC).date()
    day = day.date() if isinstance(day, datetime) else day
    baseline = options.pop("baseline", None)
    verdicts = flow.verdicts_of(case, packs, day, compare_to)
    before = flow.verdicts_before(None if baseline is None else case_of(baseline), packs, day)
    setting = flow.gate(verdicts, before=before, **options)
    return Result(case, tuple(packs), tuple(verdicts), setting, day)


def case_of(case: str | PathLike[str] | Case | Result) -> Case:
    """The case itself, read (and checked against seal and register) where a folder is named."""
    from evenhand.audit.case.case import Case

    if isinstance(case, Result):
        return case.case
    return case if isinstance(case, Case) else flow.opened(Path(case))[0]


def report(
    case: str | PathLike[str] | Case | Result,
    format: str = "html",
    *,
    policy: str | Sequence[str] | None = None,
    lang: str = "en",
    public: bool = False,
    of: str = "html",
    appendix: bool = False,
    **gate: Unpack[GateOptions],
) -> Document:
    """Renders a case and its verdicts as a document.

    Parameters
    ----------
    case   : a case's folder, or a result: its own verdicts are shown unless ``policy`` names packs
    format : html, pdf, markdown, json, junit, sarif, model-card ...; see docs/reports.md
    policy : as in ``judge``
    lang   : en or zh
    public : withhold groups under ten people, and what would give their size away
    of     : the page that format pdf prints
    appendix : print in a PDF all that is folded on the page
    gate   : see ``GateOptions``

    Raises InputError for an unknown format or language.

    >>> import evenhand
    >>> evenhand.report(CASE, "html").text[:15]
    '<!DOCTYPE html>'
    """
    from evenhand.audit.api.dossier import dossier_of
    from evenhand.audit.reports import FORMATS, render

    result = (
        case if isinstance(case, Result) and not (policy or gate) else judge(case, policy, **gate)
    )
    content = render(
        format,
        result.case,
        list(result.judged),
        lang=lang,
        gate=result.gate,
        public=public,
        dossier=dossier_of(result.case, result.packs, result.as_of, of=of, appendix=appendix),
    )
    made = FORMATS[format.replace("-", "_")]
    return Document(format, content, made.MEDIA_TYPE, made.SUFFIX)


def compare(
    a: str | PathLike[str] | Case | Result,
    b: str | PathLike[str] | Case | Result,
    *,
    level: float = 0.95,
    id: str | None = None,
    data_a: Any = None,
    data_b: Any = None,
) -> Compared:
    """Holds case A against case B, person by person: who is worse off under A, beyond chance.

    ``level`` is the confidence level, between 0.5 and 1; ``id`` the column that names each person,
    where two files of the same people were audited. ``data_a`` and ``data_b`` are the rows of such
    audits, frames or paths, where they do not lie where they lay.

    Per group: McNemar's exact test, Holm over all results, and Newcombe's paired interval; and how
    alike the explanations are.

    Raises InputError unless both cases audited the same rows in the same way.

    >>> import evenhand
    >>> evenhand.compare(CASE, CASE).passed
    True
    """
    from evenhand.audit.api.sources import rows_at
    from evenhand.audit.comparing.compare import compare as pair
    from evenhand.audit.comparing.drift import explanation_drift
    from evenhand.audit.files.leftovers import own_folder

    if not 0.5 < level < 1:
        raise InputError(
            "level {level} must lie between 0.5 and 1", remedy="pass e.g. 0.95", level=level
        )
    first, second = case_of(a), case_of(b)
    drift = explanation_drift(first, second, level=level)
    with own_folder() as folder:
        names = {"a": data_a, "b": data_b}
        data = [None if d is None else rows_at(d, folder, name) for name, d in names.items()]
        return Compared(pair(first, second, level=level, id=id, data=data), drift)
