"""Two models on the same rows: per group, who got better or worse, pair by pair.

Two cases are compared only where every row of one is a row of the other: same data, target,
positive label, features and seed. Else the comparison is refused: two samples of different people
would need another method, and choosing one silently would be a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.artifacts.kinds import DecisionBits
from evenhand.audit.case.case import Case
from evenhand.audit.comparing.decisions import Decisions, NotPairedError, read_decisions
from evenhand.audit.favourable import more_is_better
from evenhand.audit.finding import Interval
from evenhand.audit.measure.paired import PairedCounts, mcnemar_exact, newcombe_paired
from evenhand.audit.measure.uncertainty.testing import adjust
from evenhand.audit.reason import Reasons, because, reasons_json
from evenhand.audit.subject.tallying.counts import feature_sets
from evenhand.audit.words.phrases import phrase
from evenhand.audit.words.reasons import render

if TYPE_CHECKING:
    from evenhand.audit.comparing.pairing import Pairs

SCHEMA = "evenhand-comparison/1"
# Rates that are compared row by row.
COMPARED = ("accuracy_score", "true_positive_rate", "false_positive_rate", "selection_rate")
_NO_ROWS: Mapping[str, Reasons] = {
    "accuracy_score": because("no-rows"),
    "selection_rate": because("no-rows"),
    "true_positive_rate": because("within", why=because("no-positive-labels"), where="this-group"),
    "false_positive_rate": because("within", why=because("no-negative-labels"), where="this-group"),
}
_SAME = (
    "task",
    "target",
    "positive_label",
    "positive_is",
    "unit",
    "sensitive_features",
    "control_features",
)


@dataclass(frozen=True)
class Paired:
    """One measure of one group (empty: all rows) under both models; ``difference`` is A minus B.

    ``outcome`` is worse or better where the adjusted p-value is under 1 - level and the measure
    has a direction, changed where it has none, else "none shown"; undefined without rows.
    """

    measure: str
    group: Mapping[str, str]
    n: int
    counts: PairedCounts
    a: float | None = None
    b: float | None = None
    difference: float | None = None
    interval: Interval | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    outcome: str = "undefined"
    reason: Reasons = ()
    persons: int | None = None  # behind the rows, where persons have several

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            **{k: v for k, v in vars(self).items() if k not in ("group", "counts", "interval")},
            "reason": render(self.reason),
            "reason_codes": reasons_json(self.reason),
            "group": dict(self.group),
            "counts": dict(vars(self.counts)),
            "interval": self.interval and self.interval.model_dump(mode="json"),
        }


@dataclass(frozen=True)
class Comparison:
    """Case A against case B: every group, pair and crossing, for each measure. ``how`` says by what
    rows of two files were paired; () of one file."""

    a: Case
    b: Case
    n: int
    level: float
    results: tuple[Paired, ...]
    how: Reasons = ()

    @property
    def worse(self) -> tuple[Paired, ...]:
        """What got worse from B to A, beyond chance."""
        return tuple(r for r in self.results if r.outcome == "worse")

    @property
    def names(self) -> tuple[str, str]:
        """What the two are called: where one name is both's, by their columns, or their cases."""
        a, b = self.a.subject, self.b.subject
        if a.name != b.name:
            return a.name, b.name
        one, other = _answers(self.a), _answers(self.b)
        if one == other:
            one, other = self.a.path.name, self.b.path.name
        return f"{a.name} ({one})", f"{b.name} ({other})"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "schema": SCHEMA,
            "a": {**_named(self.a), "name": self.names[0]},
            "b": {**_named(self.b), "name": self.names[1]},
            "n": self.n,
            "paired": render(self.how),
            "paired_codes": reasons_json(self.how),
            "level": self.level,
            "difference": "A minus B, on the same rows",
            "test": "McNemar, exact, two-sided; p_adjusted: Holm over all defined results",
            "interval": "Newcombe 1998, paired, method 10",
            "results": [r.to_json() for r in self.results],
            "n_worse": len(self.worse),
        }


def _named(case: Case) -> dict[str, Any]:
    return {"case": str(case.path), "digest": case.digest, "name": case.subject.name}


def _answers(case: Case) -> str:
    stored = case.subject.stored
    return "" if stored is None else str(stored.predicted or stored.score)


def compare(
    case_a: Case,
    case_b: Case,
    *,
    level: float = 0.95,
    id: str | None = None,
    data: Sequence[str | None] = (None, None),
) -> Comparison:
    """Pairs two cases row by row.

    Two files of the same people are paired by the column ``id``, or the one that both plans name,
    or by what their rows hold beside the predictions; ``data`` says where they are now. See
    ``evenhand.audit.comparing.pairing``.

    Raises InputError (exit 2) unless both audited the same people, for a classification task, in
    the same way.
    """
    pairs = None
    if id is not None or case_a.subject.data_digest != case_b.subject.data_digest:
        from evenhand.audit.comparing.pairing import pairs_of

        _require_same(case_a, case_b, is_one_file=False)
        pairs = pairs_of(case_a, case_b, id, data)
    a, b = paired_decisions(case_a, case_b, pairs)
    sensitive = list(case_a.subject.sensitive_features)
    parts: list[tuple[dict[str, str], int]] = [({}, a.everyone)]
    for features in feature_sets(sensitive):
        parts += a.groups(features)
    better = compared(case_a)
    found = [paired(a, b, m, g, rows, level) for g, rows in parts for m in better]
    how = () if pairs is None else pairs.how
    return Comparison(case_a, case_b, a.n, level, _judged(found, better, level), how)


def compared(case: Case) -> dict[str, bool | None]:
    """The measures, with whether more of each is better; without labels the selection rate alone,
    of several classes the accuracy alone."""
    names: Sequence[str] = COMPARED
    if case.subject.task == "multiclass":
        names = ("accuracy_score",)
    elif case.subject.target is None:
        names = ("selection_rate",)
    return {name: more_is_better(name, case.subject) for name in names}


def paired_decisions(
    case_a: Case, case_b: Case, pairs: Pairs | None = None
) -> tuple[Decisions, Decisions]:
    """The decisions of two cases on the same rows, or those of ``pairs``.

    Raises InputError where rows can't be paired, and where a person has another label or group in
    one file than in the other.
    """
    _require_same(case_a, case_b, is_one_file=pairs is None)
    a, b = (_decisions(case) for case in (case_a, case_b))
    if pairs is not None:
        a, b = a.taken(pairs.a), b.taken(pairs.b)
        _require_same_people(a, b, case_a, case_b)
        return a, Decisions(b.n, b.selected, b.positive, a.features, a.persons)
    same_groups = a.features.keys() == b.features.keys() and all(
        a.features[name] == b.features[name] for name in a.features
    )
    if a.n != b.n or a.positive != b.positive or not same_groups:
        raise NotPairedError(
            because("rows-do-not-match", a=case_a.path, b=case_b.path),
            remedy="audit both models on the same file with the same version of evenhand",
        )
    return a, b


def _require_same_people(a: Decisions, b: Decisions, case_a: Case, case_b: Case) -> None:
    """Raises NotPairedError that counts the people of whom the two files say otherwise."""
    apart = {}
    if a.positive != b.positive:
        apart["the true label"] = ((a.positive or 0) ^ (b.positive or 0)).bit_count()
    for name in a.features:
        apart[name] = int((a.features[name].names(a.n) != b.features[name].names(b.n)).sum())
    for what, n in apart.items():
        if n:
            raise NotPairedError(
                because("people-differ", what=what, n=n, a=case_a.path, b=case_b.path),
                remedy="correct the files, or name another --id column: a person has one label "
                "and one group",
            )


def _decisions(case: Case) -> Decisions:
    bits = case.document(DecisionBits)
    if bits is None:
        raise NotPairedError(
            because("no-decisions-kept", case=case.path),
            remedy="audit the model again; rows counted on disk (--stream), and several classes "
            "without labels, leave no decisions",
        )
    return read_decisions(bits, str(case.path))


def _require_same(a: Case, b: Case, *, is_one_file: bool) -> None:
    def differ(what: str, one: Any, other: Any) -> None:
        if one != other:
            ends = repr(one), repr(other)
            raise NotPairedError(
                because("cases-differ", what=what, a=a.path, b=b.path, one=ends[0], other=ends[1]),
                remedy="audit both models on the same rows with the same options; two files of the "
                "same people: evenhand compare CASE_A CASE_B --id COLUMN",
            )

    for key in _SAME:
        differ(key, getattr(a.subject, key), getattr(b.subject, key))
    if is_one_file:
        differ("the digest of the data", a.subject.data_digest, b.subject.data_digest)
        differ("the seed", a.plan.seed, b.plan.seed)
    if a.subject.task not in ("binary", "multiclass"):
        raise NotPairedError(
            because("not-classifiers", case=a.path, task=a.subject.task),
            remedy="compare the findings of the two reports",
        )


def paired(
    a: Decisions, b: Decisions, measure: str, group: Mapping[str, str], rows: int, level: float
) -> Paired:
    """One measure over ``rows`` (bits); ``outcome`` is left to be judged over all results."""
    one, other, rows = _answers_to(a, b, measure, rows)
    counts = _counts(one, other, rows)
    if counts.n == 0:
        return Paired(measure, group, 0, counts, reason=_NO_ROWS[measure])
    result = Paired(
        measure,
        group,
        counts.n,
        counts,
        a=(counts.both + counts.first) / counts.n,
        b=(counts.both + counts.second) / counts.n,
        difference=counts.difference,
        outcome="none shown",
    )
    if a.persons:
        return _of_persons(result, a, one, other, rows, level)
    interval = newcombe_paired(counts, level)
    return replace(result, interval=interval, p_value=mcnemar_exact(counts.first, counts.second))


def _of_persons(
    result: Paired, a: Decisions, one: int, other: int, rows: int, level: float
) -> Paired:
    """Its interval and its test where a person has several rows."""
    import numpy as np

    from evenhand.audit.measure.paired_persons import paired_interval, sign_flip_p_value

    units = a.units(rows)
    persons = int(np.unique(units).size)
    if persons < 2:
        return replace(result, persons=persons, outcome="undefined", reason=because("one-person"))
    difference = a.answers(one, rows).astype(int) - a.answers(other, rows)
    interval = paired_interval(difference, units, level)
    p_value = sign_flip_p_value(difference, units)
    return replace(result, persons=persons, interval=interval, p_value=p_value)


def paired_change(
    case_a: Case, case_b: Case, measure: str, group: Mapping[str, str], level: float
) -> Paired:
    """One measure of one group (empty: all rows) under both models, untested.

    Raises InputError where rows can't be paired, or the cases do not know the group.
    """
    if measure not in compared(case_a):
        raise NotPairedError(
            because("not-compared-by-row", measure=measure, task=case_a.subject.task),
            remedy=phrase("ask for {measures}", measures=", ".join(compared(case_a))),
        )
    a, b = paired_decisions(case_a, case_b)
    rows = a.everyone
    for feature, name in group.items():
        known = a.features.get(feature)
        if known is None or name not in known.levels:
            why = because("no-rows-of-group", feature=feature, group=name)
            raise NotPairedError(why, remedy="audit again")
        rows = known.rows(known.levels.index(name), rows)
    return paired(a, b, measure, group, rows, level)


def _answers_to(a: Decisions, b: Decisions, measure: str, rows: int) -> tuple[int, int, int]:
    """Yes from both models, and the rows that the measure is over, all as bits."""
    positive = a.positive or 0
    one, other = a.selected, b.selected
    if measure == "accuracy_score":
        one, other = ~(one ^ positive), ~(other ^ positive)
    elif measure == "true_positive_rate":
        rows &= positive
    elif measure == "false_positive_rate":
        rows &= ~positive
    return one & a.everyone, other & a.everyone, rows


def _counts(one: int, other: int, rows: int) -> PairedCounts:
    return PairedCounts(
        both=(rows & one & other).bit_count(),
        first=(rows & one & ~other).bit_count(),
        second=(rows & ~one & other).bit_count(),
        neither=(rows & ~one & ~other).bit_count(),
    )


def _judged(
    found: Sequence[Paired], better: Mapping[str, bool | None], level: float
) -> tuple[Paired, ...]:
    tested = [i for i, r in enumerate(found) if r.p_value is not None]
    adjusted = dict(zip(tested, adjust([found[i].p_value or 0.0 for i in tested]), strict=True))
    judged = []
    for i, result in enumerate(found):
        p = adjusted.get(i)
        if p is None or result.difference is None:
            judged.append(result)
            continue
        outcome = "none shown"
        if p < 1 - level:
            more = better[result.measure]
            good = (result.difference > 0) == more
            outcome = "changed" if more is None else "better" if good else "worse"
        judged.append(replace(result, p_adjusted=p, outcome=outcome))
    return tuple(judged)
