"""Why was this one person refused, and what would turn it? From a case, and from model and data.

A case keeps the reasons and changes of the people it sampled, without the values of their columns.
Where the model and the data of its plan are still there, with the same digests, those values are
added, and anybody else's reasons are worked out as the audit did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.artifacts.explanation import (
    ColumnChange,
    Counterfactuals,
    Proxy,
    ReasonAgainst,
    Reasons,
    ReferenceApplicant,
    Refused,
    TurnedDecision,
)
from evenhand.audit.artifacts.person import Explanation
from evenhand.audit.asking.applicants import Applicants, compared, plain_cell, told_changes
from evenhand.audit.attribution import reasons as core
from evenhand.audit.attribution.recourse.plausibility import Neighbours
from evenhand.audit.attribution.recourse.search import Search
from evenhand.audit.case.case import Case
from evenhand.audit.checks.record import Recorder
from evenhand.audit.data.table import texts
from evenhand.audit.errors import EvenhandError, InputError, UnsafeModelError, nearest
from evenhand.audit.favourable import declared_favourable
from evenhand.audit.files.shapes import parsed
from evenhand.audit.run.catalogue import check
from evenhand.audit.subject.planned import declared_of
from evenhand.audit.subject.spec import SubjectSpec, make_spec
from evenhand.audit.subject.subject import Subject, build_subject
from evenhand.audit.words.phrases import as_is
from evenhand.audit.worker.isolation.levels import Rules

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "evenhand-explanation/1"
_REASONS = "explanation.reasons"
_CHANGES = "explanation.counterfactual"
_NEIGHBOURS = 2000


@dataclass(frozen=True, eq=False)
class AuditedSubject:
    """The audited subject, rebuilt; or None, why it can't be, and what to do about it."""

    subject: Subject | None
    why_not: str = ""
    remedy: str = "pass --model and --data as they were audited, to work it out now"


def reopen(
    case: Case, *, model: str | None = None, data: str | None = None, rules: Rules | None = None
) -> AuditedSubject:
    """The subject of a case, if its model and data are where the plan says (or where told) and have
    the digests that the case has. ``rules`` say what may be opened, as for an audit.

    Raises InputError for a ``model`` or ``data`` that was named and is not the audited one.
    """
    plan = case.subject
    if plan.model is None:
        return AuditedSubject(None, "the audit was of stored predictions: there is no model to ask")
    if plan.streamed:
        return AuditedSubject(None, "the audit left its rows on disk, and explained none")
    moved = {"model": model, "data": data}
    places = {"model": plan.model.path, "data": plan.data.path}
    for part in ("model", "data"):
        path = Path(moved[part] or str(places[part]))
        if not path.exists():
            if moved[part]:
                raise InputError(
                    "no {part} at {path}", remedy="check --{part}", part=part, path=path
                )
            return AuditedSubject(None, f"the {part} is not at {path}")
    try:
        subject = build_subject(_spec(case, model, data), rules)
    except EvenhandError as error:
        if model or data:
            raise
        why_not = f"it could not be opened again: {error.message}"
        is_refused = isinstance(error, UnsafeModelError)
        return AuditedSubject(None, why_not, _AS_AUDITED if is_refused else error.remedy)
    for part in ("model", "data"):
        if subject.digests.get(part) != plan.digests.get(part):
            what = f"the {part} at {moved[part] or places[part]} is not the audited one"
            if moved[part]:
                raise InputError(
                    "{what}: its digest is {part}",
                    remedy="the case has {part_2}",
                    what=what,
                    part=subject.digests.get(part),
                    part_2=plan.digests.get(part),
                )
            return AuditedSubject(None, f"{what}: its digest has changed")
    return AuditedSubject(subject)


_AS_AUDITED = "allow what the audit allowed: --allow-pickle, or --allow-weak-isolation"


def _spec(case: Case, model: str | None, data: str | None) -> SubjectSpec:
    plan = case.subject
    assert plan.model is not None  # ``reopen`` has looked
    return make_spec(
        {
            **declared_of(case.plan),
            "name": plan.name,
            "model": model or plan.model.path,
            "data": data or plan.data.path,
        },
        source=f"the plan of {case.path}",
    )


def row_number(case: Case, source: AuditedSubject, row: str, id_column: str | None) -> int:
    """The row of the data file (from 1) that ``row`` means: its number, or a value of
    ``id_column``. Raises InputError with the nearest remedy."""
    if id_column is None:
        if not row.isdecimal() or int(row) < 1:
            raise InputError(
                "--row {row!r} is not a row number",
                remedy="rows count from 1, the first below the header; for another id, name its "
                "column: --id-column COLUMN",
                row=row,
            )
        return int(row)
    if source.subject is None:
        raise InputError(
            "ids of column {id_column!r} can't be looked up: {why_not}",
            remedy="{remedy_}; or pass the row's number",
            id_column=id_column,
            why_not=source.why_not,
            remedy_=source.remedy,
        )
    table = source.subject.table
    table.require([id_column], "id column")
    names = texts(table.frame[id_column])[0]
    hits = [i + 1 for i, name in enumerate(names) if name == row]
    if not hits:
        raise InputError(
            "no row has {id_column} = {row!r}",
            remedy=nearest(row, names),
            id_column=id_column,
            row=row,
        )
    if len(hits) > 1:
        shown = ", ".join(map(str, hits[:10]))
        raise InputError(
            "{n_hits} rows have {id_column} = {row!r}",
            remedy="pass one by number: {shown}",
            n_hits=len(hits),
            id_column=id_column,
            row=row,
            shown=shown,
        )
    return hits[0]


def explain(case: Case, source: AuditedSubject, row: int) -> Explanation:
    """Reasons and smallest change for one row, each with its origin: "case" (sealed with the audit)
    or "now" (worked out again, same model and data).

    Raises InputError for a row that is in neither, or was not audited; MissingNeed where the
    question has no answer for this model.
    """
    reasons, changes = case.document(Reasons), case.document(Counterfactuals)
    refused = next((p for p in (reasons.people if reasons else ()) if p.row == row), None)
    turned = next((p for p in (changes.people if changes else ()) if p.row == row), None)
    person = None
    if source.subject is not None:
        person = _Person(case, source.subject, row)
    elif refused is None and turned is None:
        raise _not_held(case, source, row)
    return _told(case, row, refused, turned, person)


class _Person:
    """One row of the reopened subject."""

    def __init__(self, case: Case, subject: Subject, row: int) -> None:
        import numpy as np

        if row > len(subject.table.frame):
            raise InputError(
                "row {row} is not in {source}",
                remedy="it has {n_frame} rows, counted from 1",
                row=row,
                source=subject.table.source,
                n_frame=len(subject.table.frame),
            )
        found = np.flatnonzero(np.asarray(subject.row_numbers) == row)
        if not found.size:
            raise InputError(
                "row {row} of {source} was not audited: it has no true label",
                remedy="choose a row that was audited",
                row=row,
                source=subject.table.source,
            )
        self.case, self.people, self.row = case, Applicants(subject), row
        self.frame: pd.DataFrame = self.people.frame(found)
        favourable, score = self.people.ask(self.frame)
        self.is_favourable, self.score = bool(favourable[0]), float(score[0])

    def options(self, check_id: str) -> dict[str, Any]:
        """The check's options as the audit had them."""
        return {**check(check_id).options, **(self.case.plan.options(check_id) or {})}

    def record(self, check_id: str) -> Recorder:
        """Seeds as the audit's check had them."""
        return Recorder(f"evenhand.audit.checks.{check_id}", self.case.plan.seed or 0)

    def reasons(self) -> Refused:
        """The same as one person's entry in the artifact of the check."""
        record, people = self.record(_REASONS), self.people
        push = core.pushes(
            people.predictor,
            self.frame,
            people.reference.row,
            favourable_class=people.favourable_class,
            seed=record.stream("ranking")[1],
            evaluations=self.options(_REASONS)["evaluations"],
        )
        rises = core.rises(lambda f: people.ask(f)[1], self.frame, people.reference.row)
        reference = people.reference.row
        reasons = [
            ReasonAgainst(
                column=(name := people.columns[j]),
                push=round(float(push.values[0, j]), 6),
                rise=round(float(rises[0, j]), 6),
                compared=compared(self.frame[name].iloc[0], reference[name].iloc[0]),
            )
            for j in core.ranked(push, people.may_be_named)[0]
        ]
        return Refused(row=self.row, reasons=tuple(reasons))

    def changes(self) -> TurnedDecision:
        """The same as one person's entry in the artifact of the check."""
        people, options = self.people, self.options(_CHANGES)
        space = people.space
        limits = {k: options[k] for k in ("most_changes", "beam", "tries")}
        real = people.frame(people.sample_favourable(_NEIGHBOURS, self.record(_CHANGES).seed))
        answer = Search(people.ask, space, donors=real, **limits).find(self.frame)
        if not answer.is_found[0]:
            return TurnedDecision(row=self.row, is_found=False)
        changed = space.decode(self.frame, answer.is_found.nonzero()[0], answer.z)
        rank = Neighbours(real).plausibility(changed) if len(real) > 1 else [None]
        changes = told_changes(space, space.encode(self.frame)[0], answer.z[0])
        return TurnedDecision(
            row=self.row,
            is_found=True,
            changes=tuple(parsed(change, ColumnChange) for change in changes),
            cost=round(float(answer.cost[0]), 6),
            distance=round(float(answer.distance[0]), 6),
            plausibility=None if rank[0] is None else round(float(rank[0]), 6),
        )


def _told(
    case: Case,
    row: int,
    refused: Refused | None,
    turned: TurnedDecision | None,
    person: _Person | None,
) -> Explanation:
    is_adverse = person is None or not person.is_favourable
    return parsed(
        {
            "schema": SCHEMA,
            "case": str(case.path),
            "digest": case.digest,
            "data": case.subject.data.path,
            "row": row,
            "is_adverse": is_adverse,
            "score": None if person is None else person.score,
            "needed": _needed(case),
            "values_from": "nowhere" if person is None else "data",
            "reasons": _reasons(case, refused, person) if is_adverse else None,
            "change": _change(turned, person) if is_adverse else None,
        },
        Explanation,
    )


def _needed(case: Case) -> float | None:
    """The favourable score from which on the decision is favourable; None where the model decides
    for itself."""
    threshold = case.subject.threshold
    if threshold is None:
        return None
    outcome = declared_favourable(case.subject)
    is_selection = outcome is not None and outcome.is_selection
    return float(threshold) if is_selection else 1 - float(threshold)


def _reasons(case: Case, held: Refused | None, person: _Person | None) -> dict[str, Any] | None:
    if held is not None:
        entry = held
    elif person is not None:
        entry = person.reasons()
    else:
        return None
    reference, proxies, apart = _compared_with(case, person)
    listed = []
    for reason in entry.reasons:
        name = reason.column
        proxy = proxies.get(name)
        made = {
            **reason.to_json(),
            "reference": reference.values[name],
            "proxy": None if proxy is None else proxy.to_json(),
        }
        if person is not None:
            own, other = person.frame[name].iloc[0], person.people.reference.row[name].iloc[0]
            made |= {"value": plain_cell(own), "compared": compared(own, other)}
        listed.append(made)
    shown = ("declared", "favourable_rows", "is_favourable", "score")
    return {
        "from": "now" if held is None else "case",
        "reference": {k: v for k, v in reference.to_json().items() if k in shown},
        "listed": listed,
        "sensitive": list(dict.fromkeys([*case.subject.sensitive_features, *apart])),
    }


def _compared_with(
    case: Case, person: _Person | None
) -> tuple[ReferenceApplicant, Mapping[str, Proxy], Sequence[str]]:
    """The reference applicant, the proxies, and what is never named, as the case has them, else
    worked out again."""
    kept = case.document(Reasons)
    if kept is not None:
        return kept.reference, kept.proxies, kept.sensitive
    assert person is not None  # reasons come from the case, or from the person
    least_auc = person.options(_REASONS)["proxy_auc"]
    found = person.people.stand_ins(person.record(_REASONS).seed, least_auc=least_auc)
    proxies = {name: parsed(asdict(proxy), Proxy) for name, proxy in found.items()}
    reference = parsed(person.people.reference_json(), ReferenceApplicant)
    return reference, proxies, person.people.sensitive


def _change(held: TurnedDecision | None, person: _Person | None) -> dict[str, Any] | None:
    if held is not None:
        entry = held
    elif person is not None:
        entry = person.changes()
    else:
        return None
    made = {k: v for k, v in entry.to_json().items() if k != "row"}
    if person is not None and entry.is_found:
        made["changes"] = [_with_values(change, person) for change in entry.changes]
    return {"from": "now" if held is None else "case", **made}


def _with_values(change: ColumnChange, person: _Person) -> dict[str, Any]:
    own = plain_cell(person.frame[change.column].iloc[0])
    made = {**change.to_json(), "own": own}
    if change.by is not None and isinstance(own, float):
        made["to"] = float(f"{own + change.by:.12g}")
    return made


def _rows(case: Case) -> list[int]:
    """The rows that the case keeps reasons of, else changes of."""
    kept = case.document(Reasons) or case.document(Counterfactuals)
    return [] if kept is None else [person.row for person in kept.people]


def _not_held(case: Case, source: AuditedSubject, row: int) -> InputError:
    rows = _rows(case)
    what = f"it keeps {len(rows)} sampled people refused" if rows else "it keeps nobody's reasons"
    close = ", ".join(str(r) for r in sorted(sorted(rows, key=lambda r: abs(r - row))[:5]))
    remedy = source.remedy
    if close:
        remedy += f"; or ask for a row that the case keeps, e.g. {close}"
    return InputError(
        "row {row} is not in case {case_path} ({what}), and {why_not}",
        remedy=as_is(remedy),
        row=row,
        case_path=case.path,
        what=what,
        why_not=source.why_not,
    )
