"""Whose rows they are: traits that laws speak of, how they are grouped, keys, and columns that a
model should not have known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenhand.audit.data.grouping import MANY_VALUES
from evenhand.audit.data.noticed import meaning_nothing
from evenhand.audit.proposing.hints import met, role_by_name, role_by_values
from evenhand.audit.proposing.looking import Looked
from evenhand.audit.proposing.outcome import kind_of
from evenhand.audit.proposing.proposal import NONE, Choice, OpenQuestion, SeenColumn
from evenhand.audit.proposing.words import question
from evenhand.audit.reason import Reason, because, listed
from evenhand.audit.words.roles import ROLES

# 18 is of age nearly everywhere, 40 the age from which US law protects workers, 65 that of
# retirement in most reports; 25 parts the young off, of whom credit and insurance treat otherwise.
_AGES = (18, 25, 40, 65)
_MOST_GROUPS = 60  # values of a trait from which on it is no trait but a text
_MOST_CODES = 20
_LEAST_SHARE = 0.01  # of the rows, below the first and above the last edge of ages


def roles(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """Columns that hold traits which laws name."""
    stated = [c for c in look.says.get("sensitive_features") or () if c in look.columns]
    chosen = known.get("sensitive_features") or ()
    if known.get("sensitive_features") is None and "sensitive_features" in known:
        return None
    by_role: dict[str, list[str]] = {}
    why: list[Reason] = []
    fitting = [c for c in _may_be_traits(look, known) if not chosen or c.name in chosen]
    fitting.sort(key=lambda c: len(c.name))  # "age" before "age_cat"
    by_name = {spoken[0] for c in fitting if (spoken := role_by_name(c.name))}
    for column in fitting:
        spoken = role_by_name(column.name)
        by_values = role_by_values(list(column.values))
        if by_values and by_values[0] in by_name:  # F and M are degrees of charges too
            by_values = None
        if spoken and spoken[0] == "age" and by_role.get("age") and not chosen:
            continue  # a second column of ages is the first one in groups
        role = spoken[0] if spoken else by_values[0] if by_values else None
        if role is None and column.name in (*chosen, *stated):
            said = because("init-answered") if column.name in chosen else because("init-model-says")
            role, reason = "other", said
        elif spoken:
            reason = because("init-name-says", word=spoken[1], n=column.n_values)
        elif by_values:
            reason = because("init-values-say", values=listed(by_values[1], 4))
        else:
            continue
        by_role.setdefault(str(role), []).append(column.name)
        why.append(because("named", name=column.name, why=reason)[0])
    return question(
        "roles",
        because("init-ask-roles"),
        choices=[Choice(role) for role in ROLES],
        proposed=by_role or NONE,
        evidence=because("listed", names=listed(why, 12)) if why else because("init-no-trait"),
    )


def _may_be_traits(look: Looked, known: Mapping[str, Any]) -> list[SeenColumn]:
    taken = {known.get(k) for k in ("target", "predicted", "score", "weight", "id", "unit")}
    fitting = []
    for column in look.columns.values():
        is_many = not column.is_number and column.kind != "date" and column.n_values > _MOST_GROUPS
        if column.name in taken or column.n_values < 2 or is_many or column.kind == "bytes":
            continue
        fitting.append(column)
    return fitting


def features(known: Mapping[str, Any]) -> list[str]:
    """The sensitive features, those of roles among them, and the control features."""
    named = list(known.get("sensitive_features") or ())
    named += [c for columns in (known.get("roles") or {}).values() for c in columns]
    return list(dict.fromkeys([*named, *(known.get("control_features") or ())]))


def bins(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """Groups of the numbers of a feature of which each would be one by itself."""
    if "roles" not in known and "sensitive_features" not in known:
        return None
    proposed: dict[str, Any] = {}
    why: list[Reason] = []
    ages = set((known.get("roles") or {}).get("age") or ())
    for name in features(known):
        column = look.columns.get(name)
        if column is None or column.n_values <= MANY_VALUES:
            continue
        if not column.is_number and column.kind != "date":
            continue
        edges = _age_edges(look, column) if name in ages and column.is_number else ()
        if edges:
            proposed[name] = list(edges)
            reason = because("init-ages", low=column.low, high=column.high)
        else:
            proposed[name] = "quantiles:4"
            reason = because("init-quantiles", n=column.n_values)
        why.append(because("named", name=name, why=reason)[0])
    if not proposed:
        return None
    return question(
        "bins",
        because("init-ask-bins", names=list(proposed)),
        proposed=proposed,
        evidence=because("listed", names=listed(why, 12)),
    )


def _age_edges(look: Looked, column: SeenColumn) -> tuple[int, ...]:
    """Usual edges of ages, those that part at least one row in a hundred off."""
    cells = look.table.frame[column.name].dropna()
    if (column.low or 0) < 0 or (column.high or 0) > 130:
        return ()
    least = max(1.0, _LEAST_SHARE * len(cells))
    inside = [e for e in _AGES if (cells < e).sum() >= least and (cells >= e).sum() >= least]
    return tuple(inside)


def labels(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """What codes of traits mean: a report that says "RAC1P=3" tells nobody anything."""
    if "roles" not in known and "sensitive_features" not in known:
        return None
    codes = {}
    for name in features(known):
        column = look.columns.get(name)
        is_code = column is not None and column.is_number and name not in (known.get("bins") or {})
        if column is not None and is_code and column.n_values <= _MOST_CODES:
            codes[name] = sorted(column.values, key=lambda v: (len(v), v))
    if not codes:
        return None
    return question(
        "labels",
        because("init-ask-labels", names=list(codes)),
        choices=[
            Choice(f"{name}:{code}", look.columns[name].values[code])
            for name, all_codes in codes.items()
            for code in all_codes
        ],
    )


def id_column(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """The column that names each row, where one does."""
    fitting = [
        c
        for c in look.columns.values()
        if c.name in look.named_rows and c.n_values == c.n and not c.n_missing
    ]
    if not fitting or any(c.name == known.get("unit") for c in fitting):
        return None
    first = fitting[0]
    return question(
        "id",
        because("init-ask-id"),
        choices=[Choice(c.name, c.n_values) for c in fitting[:8]],
        proposed=first.name,
        evidence=because("init-names-rows", n=first.n_values),
    )


def unit(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """The column that tells persons apart who have several rows each."""
    fitting = [
        c
        for c in look.columns.values()
        if met(c.name, "unit") and 1 < c.n_values < c.n - c.n_missing and c.n_values > MANY_VALUES
    ]
    if not fitting:
        return None
    first = max(fitting, key=lambda c: c.n_values)
    return question(
        "unit",
        because("init-ask-unit"),
        choices=[Choice(c.name, c.n_values) for c in fitting[:8]],
        proposed=first.name,
        evidence=because("init-repeats", n=first.n_values, rows=first.n),
    )


def outcomes(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """Columns that give the answer away, and which the model does not read."""
    column = known.get("target")
    if column is None or kind_of(look, known) == "regression" or column not in look.columns:
        return None
    taken = {known.get(k) for k in ("predicted", "score", "weight", "id", "unit", "target")}
    taken |= {*features(known), *look.inputs}
    found = [c for c in look.gives_away(column) if c not in taken]
    if not found:
        return None
    return question(
        "outcomes",
        because("init-ask-outcomes"),
        choices=[Choice(c) for c in found[:12]],
        proposed=found,
        evidence=because("init-gives-away", names=listed(found), column=str(column)),
    )


def unknown(look: Looked, known: Mapping[str, Any]) -> OpenQuestion | None:
    """Groups of a trait whose people are of no known group."""
    if "roles" not in known and "sensitive_features" not in known:
        return None
    marks: list[str] = []
    for name in features(known):
        column = look.columns.get(name)
        if column is not None and not column.is_number:
            marks += [f"{name}:{text}" for text in meaning_nothing(column.values)]
    if not marks:
        return None
    return question(
        "unknown",
        because("init-ask-unknown"),
        proposed=marks,
        evidence=because("init-means-nothing", cells=listed(marks)),
    )
