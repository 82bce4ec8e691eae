"""Does the data hold the groups in the shares they should have?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from evenhand.audit.checks.record import Recorder
from evenhand.audit.errors import InputError, MissingNeed
from evenhand.audit.finding import UNKNOWN, Finding
from evenhand.audit.measure.uncertainty.estimate import Estimate
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import group_sizes
from evenhand.audit.subject.subject import Subject
from evenhand.audit.words.numbers import number

QUESTION = "How far are the groups' shares of the data from the shares declared for reference?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = "Wilson 1927; Clopper and Pearson 1934 for the exact binomial test"
COST = "fast"
MEASURES = {
    "representation_difference": "a group's share of the rows minus its declared reference share",
    "representation_distance": "half the sum of the absolute differences (total variation)",
}
_PREFIX = "reference."


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields the difference for every group with a declared share, and the distance where the
    declared shares of a feature add up to 1 (within 0.005).

    Shares are declared as ``reference.<feature>.<group>: 0.13``. The p-value is of the exact
    binomial test that the rows are a random sample of such a population. Rows whose group is
    unknown are counted and left out, unless a share is declared for them: they are no evidence
    that a group is missing.
    """
    declared = {f: _shares(subject, f) for f in subject.sensitive_features}
    if not any(declared.values()):
        example = "{reference.<feature>.<group>: 0.13}"
        raise MissingNeed(because("no-reference-shares", example=example))
    sizes = group_sizes(subject)
    record = Recorder(__name__, seed)
    for feature, shares in declared.items():
        rows = {c.group[feature]: c.n for c in sizes.by([feature]).cells()}
        unknown = 0 if UNKNOWN in shares else rows.pop(UNKNOWN, 0)
        known = sum(rows.values())
        for group, share in sorted(shares.items()):
            found, p_value = _difference(rows.get(group, 0), known, share, levels)
            yield record.write(
                "representation_difference",
                _told(found, unknown),
                unit="share difference",
                group={feature: group},
                p_value=p_value,
            )
        if shares and abs(sum(shares.values()) - 1) <= 0.005:
            counts = {g: rows.get(g, 0) for g in {*rows, *shares}}
            yield record.write(
                "representation_distance",
                _told(_distance(counts, shares, levels), unknown),
                unit="share",
                between=(feature,),
            )


def _told(found: Estimate, unknown: int) -> Estimate:
    if not unknown:
        return found
    method = f"{found.method}; {unknown} rows of unknown group left out"
    return replace(found, counts={**found.counts, "unknown": unknown}, method=method)


def _shares(subject: Subject, feature: str) -> dict[str, float]:
    prefix = f"{_PREFIX}{feature}."
    shares: dict[str, float] = {}
    for key, value in subject.declared.items():
        if not key.startswith(prefix):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise InputError(
                "declared {key} = {value!r} is no share",
                remedy="0 to 1, e.g. 0.13",
                key=key,
                value=value,
            )
        shares[key.removeprefix(prefix)] = float(value)
    if sum(shares.values()) > 1.005:
        total = sum(shares.values())
        raise InputError(
            "the reference shares of {feature!r} add up to {total}",
            remedy="at most 1",
            feature=feature,
            total=number(total, [1]),
        )
    return shares


def _difference(
    count: int, n: int, share: float, levels: Sequence[float]
) -> tuple[Estimate, float]:
    from scipy.stats import binomtest

    from evenhand.audit.measure.uncertainty.intervals import rate

    found = rate(count, n, levels, empty=because("no-rows"))
    shifted = tuple(
        i.model_copy(update={"low": i.low - share, "high": i.high - share}) for i in found.intervals
    )
    method = f"Wilson score, minus the declared share of {share:g}; exact binomial test"
    value = None if found.value is None else found.value - share
    counts = {"in_group": count, "rows": n}
    estimate = Estimate(value, n, shifted, counts, method, found.reason)
    return estimate, min(1.0, float(binomtest(count, n, share).pvalue))


def _distance(
    counts: dict[str, int], shares: dict[str, float], levels: Sequence[float]
) -> Estimate:
    from evenhand.audit.measure.groups.representation import total_variation

    return total_variation(
        [counts[g] for g in sorted(counts)], [shares.get(g, 0.0) for g in sorted(counts)], levels
    )
