"""What is the least that a person who was refused would have to change, and is it less for some?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.asking.applicants import Applicants, plain_cell
from evenhand.audit.attribution.recourse.plausibility import Neighbours
from evenhand.audit.attribution.recourse.search import Found, Search
from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.errors import MissingNeed
from evenhand.audit.finding import UNKNOWN, Finding
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.subject import Subject
from evenhand.audit.words.reasons import render

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "What is the smallest change that turns an adverse decision, and is it as small for all?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"model"})
SOURCE = (
    "Wachter, Mittelstadt and Russell 2018 (distance); Ustun, Spangher and Liu 2019 (actionable); "
    "Mothilal, Sharma and Tan 2020; plausibility: Vovk, Gammerman and Shafer 2005, section 2.2"
)
COST = "slow"
MEASURES = {
    "recourse_cost": "mean over people refused of the cheapest change found: its size in typical "
    "spreads of the columns, plus 1 for each column",
    "recourse_changes": "mean number of columns in that change",
    "no_recourse_rate": "share of people refused for whom no change was found",
    "recourse_cost_difference": "largest difference of the mean cost between groups",
    "no_recourse_difference": "largest difference between groups of the share without recourse",
    "recourse_plausibility": "mean share of real people decided favourably who are as far from "
    "their nearest neighbour as the changed person is: 0.5 is like a real one, 0 is unlike any",
    "recourse_share": "share of the changes found in which the column changes",
}
SCHEMA = "evenhand-counterfactuals/1"
NEIGHBOURS = 2000
_UNIT = "typical spread"


@dataclass(frozen=True, eq=False)
class _Sampled:
    """The sampled people refused, what was found for them, and what is said of all findings."""

    people: Applicants
    chosen: np.ndarray
    frame: pd.DataFrame
    found: Found
    plausibility: np.ndarray
    about: str
    place: dict[str, Any]


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    rows: int = 200,
    most_changes: int = 4,
    beam: int = 12,
    tries: int = 40_000,
    min_group_size: int = 10,
    keep_people: bool = True,
) -> Iterator[Finding | Artifact]:
    """Yields cost, size and plausibility of the changes over ``rows`` sampled people refused, the
    share for whom none was found, and the gaps between groups.

    A beam search (``beam`` states) over at most ``most_changes`` columns within what ``actionable``
    of the spec declares; without it sensitive features stay and the other columns move within the
    audited rows' range. Where it finds nothing every observed value, pairs of columns, and the
    values of people decided favourably are tried, with ``tries`` rows a person in all (fewer in
    tables of over a hundred columns, where the finding says what was not looked at).
    ``keep_people`` keeps the changes (not the values that a person has) in the case, by row number.
    """
    people = Applicants(subject)
    if not people.space.mutable:
        kept = sorted(people.space.immutable.items())
        each = [because("column-because", name=c, why=why)[0] for c, why in kept]
        raise MissingNeed(because("no-column-can-change", columns=each))
    record = Recorder(__name__, seed)
    chosen = people.sample_adverse(rows, seed)
    frame = people.frame(chosen)
    donors = people.frame(people.sample_favourable(NEIGHBOURS, seed))
    limits = {"most_changes": most_changes, "beam": beam, "tries": tries}
    found = Search(people.ask, people.space, donors=donors, **limits).find(frame)
    plausibility = _plausibility(people, frame, found, record)
    about = f"{len(chosen)} of {int((~people.is_favourable).sum())} people refused; "
    about += (
        f"single changes, then a beam, pairs and other people's values, at most {most_changes} "
    )
    about += f"columns; {_bounds(people)}"
    name = record.artifact(None).name
    place = {"random": True, "artifacts": (name,)}
    sampled = _Sampled(people, chosen, frame, found, plausibility, about, place)
    yield from _overall(record, sampled, levels)
    for feature in subject.sensitive_features:
        yield from _by_group(record, sampled, feature, levels, min_group_size)
    yield record.artifact(_as_json(sampled, keep_people=keep_people))


def _overall(record: Recorder, sampled: _Sampled, levels: Sequence[float]) -> Iterator[Finding]:
    import numpy as np

    from evenhand.audit.measure.uncertainty.bounded import bounded_mean

    found, space = sampled.found, sampled.people.space
    own = space.encode(sampled.frame)
    changed = space.changed(own, found.z)[found.is_found]
    yield record.write("recourse_cost", _cost(sampled, levels), unit=_UNIT, **sampled.place)
    changes = _above_zero(sampled, changed.sum(axis=1).astype(float), levels)
    yield record.write("recourse_changes", changes, unit="column", **sampled.place)
    note = _not_searched(sampled)
    yield record.write("no_recourse_rate", _without(sampled, levels), note=note, **sampled.place)
    likely = bounded_mean(sampled.plausibility, levels, empty=because("no-change-found"))
    near = f"{sampled.about}; against {NEIGHBOURS} or fewer people decided favourably"
    yield record.write("recourse_plausibility", likely.by(near), unit="share", **sampled.place)
    for j, column in enumerate(space.mutable):
        k, n = int(np.count_nonzero(changed[:, j])), len(changed)
        share = _rate(sampled, k, n, levels, because("no-change-found"))
        yield record.write("recourse_share", share, column=column.name, **sampled.place)


def _by_group(
    record: Recorder, sampled: _Sampled, feature: str, levels: Sequence[float], fewest: int
) -> Iterator[Finding]:
    import numpy as np

    from evenhand.audit.measure.groups.gaps import Family, GroupCount, gap
    from evenhand.audit.measure.groups.spread import largest_difference

    names = sampled.people.subject.groups[feature].to_numpy()[sampled.chosen]
    costs, counts, small, unknown = {}, [], [], 0
    for name in sorted(set(names)):
        rows = np.asarray(names == name)
        note: Reasons = ()
        if name == UNKNOWN:
            unknown = int(rows.sum())
        elif rows.sum() < fewest:
            small.append(str(name))
            note = because("too-few-refused", n=rows.sum(), least=fewest)
        else:
            costs[str(name)] = lambda at, rows=rows: _cost(sampled, at, rows)
            missing = int((~sampled.found.is_found[rows]).sum())
            counts.append(GroupCount(str(name), missing, int(rows.sum())))
        place = {**sampled.place, "group": {feature: str(name)}, "note": note}
        yield record.write("recourse_cost", _cost(sampled, levels, rows), unit=_UNIT, **place)
        yield record.write("no_recourse_rate", _without(sampled, levels, rows), **place)
    note = because("few-refused-left-out", fewest=fewest, names=small) if small else ()
    if unknown:
        note += because("unknown-not-compared", n=unknown)
    between: dict[str, Any] = {**sampled.place, "between": (feature,), "note": note}
    apart = largest_difference(costs, levels).by(sampled.about)
    yield record.write("recourse_cost_difference", apart, unit=_UNIT, **between)
    family = Family("no_recourse_rate", tuple(counts), because("nobody-refused"))
    without = gap([family], scale="difference", levels=levels).by(sampled.about)
    yield record.write("no_recourse_difference", without, **between)


def _cost(sampled: _Sampled, levels: Sequence[float], rows: np.ndarray | None = None) -> Estimate:
    found = sampled.found
    kept = found.is_found if rows is None else found.is_found & rows
    return _above_zero(sampled, found.cost[kept], levels)


def _above_zero(sampled: _Sampled, values: np.ndarray, levels: Sequence[float]) -> Estimate:
    from evenhand.audit.measure.uncertainty.intervals import mean

    found = mean(values, levels, empty=because("no-change-found"))
    return found.not_below(0.0).by(sampled.about)


def _without(
    sampled: _Sampled, levels: Sequence[float], rows: np.ndarray | None = None
) -> Estimate:
    missing = ~sampled.found.is_found
    inside = missing if rows is None else missing[rows]
    return _rate(sampled, int(inside.sum()), int(inside.size), levels, because("nobody-refused"))


def _rate(sampled: _Sampled, k: int, n: int, levels: Sequence[float], empty: Reasons) -> Estimate:
    from evenhand.audit.measure.uncertainty.intervals import rate

    return rate(k, n, levels, empty=empty).by(sampled.about)


def _not_searched(sampled: _Sampled) -> Reasons:
    """For whom nothing was found among how many tries, and what there was no room to try."""
    import numpy as np

    found = sampled.found
    note: Reasons = ()
    without = ~found.is_found
    if without.any():
        tried = int(np.median(found.tried[without]))
        note += because("none-found-among", n=int(without.sum()), tried=tried)
    if found.with_more.any():
        note += because("more-columns-help", n=int(found.with_more.sum()))
    if found.left_out:
        columns = len(sampled.people.space.mutable)
        note += because("values-not-searched", n=found.left_out, columns=columns)
    return note


def _bounds(people: Applicants) -> str:
    declared = sorted(people.subject.actionable)
    if not declared:
        return (
            "nothing declared in actionable: sensitive features stay, every other column moves "
            "either way within the audited rows' range"
        )
    return f"declared in actionable: {', '.join(declared)}"


def _plausibility(
    people: Applicants, frame: pd.DataFrame, found: Found, record: Recorder
) -> np.ndarray:
    import numpy as np

    real = people.sample_favourable(NEIGHBOURS, record.seed)
    who = np.flatnonzero(found.is_found)
    if who.size == 0 or real.size < 2:
        return np.empty(0)
    changed = people.space.decode(frame, who, found.z[who])
    return Neighbours(people.frame(real)).plausibility(changed)


def _as_json(sampled: _Sampled, *, keep_people: bool) -> dict[str, Any]:
    """What ``evenhand explain`` and reports read: the changes, without the values they start from.

    A number's change is kept as a difference, a category's as what it becomes.
    """
    import numpy as np

    from evenhand.audit.asking.applicants import told_changes

    people, changes, space = sampled.people, sampled.found, sampled.people.space
    numbers = people.subject.row_numbers
    listed = []
    if keep_people and numbers is not None:
        ranks = np.full(len(sampled.chosen), np.nan)
        ranks[changes.is_found] = sampled.plausibility
        own = space.encode(sampled.frame)
        for i, row in enumerate(sampled.chosen):
            person: dict[str, Any] = {
                "row": int(numbers[row]),
                "is_found": bool(changes.is_found[i]),
            }
            if changes.is_found[i]:
                person |= {
                    "changes": told_changes(space, own[i], changes.z[i]),
                    "cost": round(float(changes.cost[i]), 6),
                    "distance": round(float(changes.distance[i]), 6),
                    "plausibility": plain_cell(round(float(ranks[i]), 6)),
                }
            listed.append(person)
    return {
        "schema": SCHEMA,
        "bounds": _bounds(people),
        "immutable": {column: render(why) for column, why in space.immutable.items()},
        "people": sorted(listed, key=lambda p: p["row"]),
    }
