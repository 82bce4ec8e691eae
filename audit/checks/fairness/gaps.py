"""Do groups fare differently? The gaps that Fairlearn names, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from audit.checks.record import Recorder
from audit.errors import MissingNeed
from audit.finding import Finding
from audit.predictions import predictions_of
from audit.subject import Subject

if TYPE_CHECKING:
    from audit.counts import Cell
    from audit.measure.estimate import Estimate
    from audit.measure.gaps import Family

QUESTION = "How far apart are the groups in being selected, and in the errors made about them?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"sensitive_features"})
SOURCE = (
    "Fairlearn's functions of the same names; Dwork et al. 2012; Hardt, Price and Srebro 2016; "
    "intervals: Newcombe 1998, Donner and Zou 2012"
)
COST = "fast"
MEASURES = {
    "demographic_parity_difference": "highest minus lowest selection rate over groups",
    "demographic_parity_ratio": "lowest divided by highest selection rate over groups",
    "equalized_odds_difference": "larger of the gaps in true and in false positive rate",
    "equal_opportunity_difference": "highest minus lowest true positive rate over groups",
}
_RATES = {
    "demographic_parity_difference": ("selection_rate",),
    "demographic_parity_ratio": ("selection_rate",),
    "equalized_odds_difference": ("true_positive_rate", "false_positive_rate"),
    "equal_opportunity_difference": ("true_positive_rate",),
}
_WITHOUT_LABELS = ("demographic_parity_difference", "demographic_parity_ratio")


def measure(
    subject: Subject, *, seed: int, levels: Sequence[float], min_group_size: int = 10
) -> Iterator[Finding]:
    """Yields every gap for each sensitive feature, each pair and the crossing of all; with
    control features also within each of their levels (``group`` names the level).

    Unlike Fairlearn, which puts 0 for a rate without rows (so that a perfect classifier can have
    an equalized odds difference of 1), groups for which a rate is undefined or whose size is
    under ``min_group_size`` are left out, counted and named.
    """
    from audit.counts import cell_counts, control_levels, feature_sets

    if not subject.sensitive_features:
        raise MissingNeed("no sensitive features were named")
    record = Recorder(__name__, seed)
    everyone = predictions_of(subject)
    names = MEASURES if everyone.is_positive is not None else _WITHOUT_LABELS
    for level, rows in control_levels(everyone.groups, subject.control_features):
        part = everyone.only(rows)
        for features in feature_sets(subject.sensitive_features):
            cells = cell_counts(part.groups, features, part.is_positive, part.is_selected)
            for name in names:
                estimate = _estimate(cells, name, levels, min_group_size)
                yield record.write(name, estimate, group=level, between=features)


def _estimate(cells: Sequence[Cell], name: str, levels: Sequence[float], minimum: int) -> Estimate:
    from audit.measure.gaps import gap

    big = [c for c in cells if c.n >= minimum]
    small = [c for c in cells if c.n < minimum]
    families = [_family(big, rate) for rate in _RATES[name]]
    # A big group may still have few rows behind one rate: that shows in its interval. Only none
    # at all leaves it out.
    estimate = gap(
        families,
        scale="ratio" if name.endswith("_ratio") else "difference",
        levels=levels,
    )
    if not small:
        return estimate
    named = ", ".join(f"{c.name} ({c.n} rows)" for c in small[:8])
    more = f" and {len(small) - 8} more" if len(small) > 8 else ""
    note = f"too small, left out (minimum {minimum} rows): {named}{more}"
    counts = {
        "groups": len(cells),
        "groups_left_out": estimate.counts["groups_left_out"] + len(small),
    }
    reason = "; ".join(r for r in (estimate.reason, note) if r)
    return replace(estimate, counts=counts, reason=reason)


def _family(cells: Sequence[Cell], rate: str) -> Family:
    from audit.measure.classification import rate_counts
    from audit.measure.gaps import Family, GroupCount

    groups = []
    empty = ""
    for cell in cells:
        k, n, empty = rate_counts(cell.confusion)[rate]
        groups.append(GroupCount(cell.name, k, n))
    return Family(rate, tuple(groups), empty)
