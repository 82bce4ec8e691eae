"""A part of a case's rows, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from evenhand.audit.api import sources
from evenhand.audit.api.auditing import measured_as
from evenhand.audit.api.judging import case_of
from evenhand.audit.api.results import Result
from evenhand.audit.files.leftovers import own_folder

if TYPE_CHECKING:
    from narwhals.typing import IntoFrame

    from evenhand.audit.case.case import Case


def cohort(
    case: str | PathLike[str] | Case | Result,
    where: str,
    *,
    name: str | None = None,
    data: IntoFrame | str | PathLike[str] | None = None,
    model: str | PathLike[str] | None = None,
    checks: Sequence[str] = (),
    policy: str | Sequence[str] = (),
    out: str | PathLike[str] | None = None,
) -> Result:
    """Audits the rows of a case that meet a condition, as the case was, into a case of its own.

    Parameters
    ----------
    case   : the case, its folder, or the result of an audit; it stays as it is
    where  : the rows, e.g. ``sex == "F" and (age >= 40 or job in ("nurse", "cook"))``
    name   : what people call them; by default the condition
    data   : where the rows lie now, or the frame that was audited; the digest must be the case's
    model  : where the model lies now
    checks : patterns of checks; by default those of the case
    policy : packs that judge the cohort
    out    : folder of the case to write; by default a new one below EVENHAND_HOME/cases

    Raises InputError for a condition that is none, other files than the audited ones, under ten
    rows, and a case that holds counts alone.

    >>> import evenhand
    >>> women = evenhand.cohort(CASE, "sex == 'f'", data=ROWS)
    >>> women.case.subject.cohort.where
    "sex == 'f'"
    """
    from evenhand.audit.run.cohorts import cohort_spec

    packs = (policy,) if isinstance(policy, str) else tuple(policy)
    changes: dict[str, Any] = {"policy": packs, "out": None if out is None else str(out)}
    if checks:
        changes["checks"] = list(checks)
    with own_folder() as folder:
        rows = None if data is None else sources.rows_at(data, folder, "predictions")
        spec = cohort_spec(
            case_of(case),
            name=name or where[:80],
            where=where,
            data=rows,
            model=None if model is None else str(model),
            **changes,
        )
        return measured_as(spec)
