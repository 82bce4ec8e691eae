"""A part of the rows of a case, audited as the case was: a case of its own that names its parent.

The parent's bytes stay as they are. The same checks with the same options, seed and levels are run
on the rows that meet a condition; their p-values have an error budget of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evenhand.audit.case.case import Case
from evenhand.audit.data.reading.one_file import file_and_part
from evenhand.audit.data.written.filters import columns_in, parse_filter
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files.canonical import digest_path
from evenhand.audit.run.catalogue import needed, select
from evenhand.audit.run.flow import load_packs
from evenhand.audit.run.run import NEEDED
from evenhand.audit.subject.planned import declared_of
from evenhand.audit.subject.spec import SubjectSpec, make_spec


def cohort_spec(
    case: Case,
    *,
    name: str,
    where: str,
    data: str | None = None,
    model: str | None = None,
    **changes: Any,
) -> SubjectSpec:
    """The spec that audits the rows of ``case`` which meet ``where`` (``data.written.filters``).

    ``data`` and ``model`` are where the files lie now, if not where the plan says; their digests
    must be those of the case. ``changes`` are keys of a spec that win (checks, out, policy);
    options of checks are the case's.

    Raises InputError for a condition that is none, columns that the data did not have, a case whose
    rows stayed on disk or behind an endpoint, and files that are others or not there.
    """
    plan = case.subject
    if plan.streamed:
        raise InputError(
            "{case} holds counts of rows that stayed on disk: a cohort needs the rows",
            remedy="audit the file without --stream, or with the cohort's rows alone",
            case=case.path,
        )
    if plan.cohort is not None:
        raise InputError(
            "{case} is a cohort itself: rows where {where}",
            remedy="take the cohort of its parent, with both conditions joined by and",
            case=case.path,
            where=plan.cohort.where,
        )
    for column in columns_in(parse_filter(where)):
        if plan.data.columns and column not in plan.data.columns:
            raise InputError(
                "the condition names {name!r}, which is not a column of the data",
                remedy=nearest(column, plan.data.columns),
                name=column,
            )
    values: dict[str, Any] = {
        **declared_of(case.plan),
        **_of_audit(case),
        **_places(case, data, model),
        "name": f"{plan.name}: {name}",
        "cohort": {"name": name, "where": where, "parent": case.digest},
    }
    values |= changes
    values["options"] = _options(case, values["checks"], changes.get("policy", ()))
    return make_spec(values, source=f"the plan of {case.path}")


def _options(case: Case, patterns: Sequence[str], policy: Sequence[str]) -> Mapping[str, Any]:
    """The case's options of the checks that run, those that packs need among them. Where no person
    is kept in the case, none is in the cohort's, whichever check is asked."""
    from evenhand.policies.pack import asked_measures

    running = [*select([p for p in patterns if p != NEEDED])]
    for pack in load_packs(policy):
        running += needed(asked_measures(pack))
    keeps = all((c.options or {}).get(_KEEP, True) for c in case.plan.checks)
    options = {c.id: dict(case.plan.options(c.id) or {}) for c in running}
    for check in running:
        if _KEEP in check.options and not keeps:
            options[check.id][_KEEP] = False
    return {check_id: own for check_id, own in options.items() if own}


_KEEP = "keep_people"


def _of_audit(case: Case) -> Mapping[str, Any]:
    """What else the audit of the parent was asked."""
    plan = case.plan
    return {
        "unit": plan.subject.unit,
        "score": plan.subject.stored and plan.subject.stored.score,
        "roles": {role: list(columns) for role, columns in plan.subject.roles.items()},
        "words": plan.subject.words,
        "id": plan.subject.data.id,
        "facts": {k: v for k, v in plan.facts.items() if not k.startswith("subject.")},
        "declared": plan.declared,
        "checks": [check.id for check in plan.checks],
        "level": plan.levels[0] if plan.levels else 0.95,
        "error_budget": plan.error_budget,
        "keep_days": plan.keep_days,
        "min_group_size": next(
            (c.options["min_group_size"] for c in plan.checks if "min_group_size" in c.options), 10
        ),
    }


def _places(case: Case, data: str | None, model: str | None) -> Mapping[str, Any]:
    """Where the files lie, each the audited one by its digest."""
    plan = case.subject
    at = {"data": data or plan.data.path}
    if plan.model is not None:
        at["model"] = model or plan.model.path
    for part, place in at.items():
        path, digest = file_and_part(str(place))[0], plan.digests.get(part)
        if not path.exists():
            raise InputError(
                "the {part} of {case} is not at {path}",
                remedy="say where it is now: --{part} PATH",
                part=part,
                case=case.path,
                path=path,
            )
        if digest and path.is_file() and digest_path(path) != digest:
            raise InputError(
                "the {part} at {path} is not the audited one: its digest is {found}, not {digest}",
                remedy="name the file that was audited: --{part} PATH",
                part=part,
                path=path,
                found=digest_path(path),
                digest=digest,
            )
    if plan.model is not None:
        return {"model": at["model"], "data": at["data"]}
    return {"predictions": at["data"]}
