"""Before and after a mitigation, on the same held-out rows: two sealed cases, paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.tables import group_text, measured
from evenhand.audit.errors import InputError
from evenhand.audit.reason import because
from evenhand.audit.words.numbers import in_percent, signed, span

if TYPE_CHECKING:
    from evenhand.audit.case.case import Case
    from evenhand.audit.comparing.compare import Comparison
    from evenhand.audit.data.written.declared import Reading
    from evenhand.audit.finding import Finding, Interval
    from evenhand.audit.worker.isolation.levels import Rules
    from evenhand.trainers.mitigation.mitigate import MitigationResult

CHECKS = (
    "performance.classification",
    "fairness.group_rates",
    "fairness.gaps",
    "fairness.mitigation",
)
# Constraint -> the name of its gap, and the rates whose largest difference it is.
GAPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "demographic-parity": ("demographic_parity_difference", ("selection_rate",)),
    "equalized-odds": (
        "equalized_odds_difference",
        ("true_positive_rate", "false_positive_rate"),
    ),
    "true-positive-rate-parity": ("equal_opportunity_difference", ("true_positive_rate",)),
    "false-positive-rate-parity": ("false_positive_rate_difference", ("false_positive_rate",)),
    "error-rate-parity": ("accuracy_score_difference", ("accuracy_score",)),
}


@dataclass(frozen=True)
class Number:
    """A value with its interval, either or both missing."""

    value: float | None = None
    interval: Interval | None = None

    @property
    def shown(self) -> tuple[float | None, Mapping[str, float] | None]:
        """For ``interval_text``."""
        return self.value, self.interval.model_dump() if self.interval else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        interval = self.interval.model_dump(mode="json") if self.interval else None
        return {"value": self.value, "interval": interval}


@dataclass(frozen=True)
class MeasureBeforeAfter:
    """One measure before and after; ``over`` names the features of a gap."""

    measure: str
    over: tuple[str, ...]
    before: Number
    after: Number
    change: Number

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        numbers = {k: getattr(self, k).to_json() for k in ("before", "after", "change")}
        return {"measure": self.measure, "over": list(self.over), **numbers}


@dataclass(frozen=True)
class BeforeAfter:
    """What a mitigation did on held-out rows; ``helped`` is yes, no, harmed or undefined."""

    result: MitigationResult
    before: Case
    after: Case
    n: int
    rows: tuple[MeasureBeforeAfter, ...]
    comparison: Comparison
    helped: str
    says: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            **self.result.to_json(),
            "n": self.n,
            "before": {"case": str(self.before.path), "digest": self.before.digest},
            "after": {"case": str(self.after.path), "digest": self.after.digest},
            "measures": [row.to_json() for row in self.rows],
            "helped": self.helped,
            "says": list(self.says),
            "comparison": self.comparison.to_json(),
        }


def before_after(
    model: str,
    result: MitigationResult,
    *,
    data: str,
    reading: Reading,
    positive_is: str | None,
    seed: int,
    quiet: bool,
    rules: Rules | None = None,
) -> BeforeAfter:
    """Audits both models on ``data`` with the same plan, and pairs them row by row."""
    from evenhand.audit.comparing.compare import compare
    from evenhand.audit.subject.spec import make_spec

    described = result.description
    shared = {
        "data": data,
        **reading.as_plain(),
        "target": described.target,
        "positive_label": described.positive_label,
        "positive_is": positive_is,
        "sensitive_features": described.sensitive_features,
        "checks": CHECKS,
        "seed": seed,
    }
    plain = make_spec({**shared, "model": model, **described.base_declared})
    before, _ = sh.measured(plain, quiet=quiet, rules=rules)
    named = {**shared, "model": str(result.model), "name": described.name}
    after, _ = sh.measured(make_spec(named), quiet=quiet, rules=rules)
    comparison = compare(after, before)
    rows = _rows(before, after, described.constraint, described.sensitive_features, comparison)
    gap = next(r for r in rows if r.over == tuple(described.sensitive_features))
    helped, sentence = _verdict(gap)
    says = (sentence, *_costs(comparison), *_cautions(after, result))
    return BeforeAfter(result, before, after, comparison.n, tuple(rows), comparison, helped, says)


def _rows(
    before: Case, after: Case, constraint: str, sensitive: Sequence[str], comparison: Comparison
) -> list[MeasureBeforeAfter]:
    from evenhand.audit.comparing.gap_changes import gap_change
    from evenhand.audit.subject.tallying.counts import feature_sets

    overall = next(r for r in comparison.results if r.measure == "accuracy_score" and not r.group)
    paired = Number(overall.difference, overall.interval)
    rows = [_row("accuracy_score", before, after, paired)]
    one, two = (_found(c, "balanced_accuracy_score") for c in (before, after))
    change = None if one.value is None or two.value is None else two.value - one.value
    rows.append(_row("balanced_accuracy_score", before, after, Number(change)))
    name, rates = GAPS[constraint]
    for features in feature_sets(sensitive):
        moved = gap_change(after, before, features, rates)
        rows.append(
            MeasureBeforeAfter(
                name,
                features,
                _gap(before, name, rates, features),
                _gap(after, name, rates, features),
                Number(moved.value, moved.interval),
            )
        )
    return rows


def _row(measure: str, before: Case, after: Case, change: Number) -> MeasureBeforeAfter:
    return MeasureBeforeAfter(measure, (), _found(before, measure), _found(after, measure), change)


def _found(case: Case, measure: str, between: tuple[str, ...] = ()) -> Number:
    for f in case.findings:
        if f.measure == measure and f.between == between and not f.group:
            return Number(f.value, f.interval)
    return Number()


def _gap(case: Case, name: str, rates: Sequence[str], features: tuple[str, ...]) -> Number:
    """The gap's finding; where no check measures it, worked out from the group rates' counts."""
    from evenhand.audit.comparing.gap_changes import min_group_size
    from evenhand.audit.finding import is_known
    from evenhand.audit.measure.groups.gaps import Family, GroupCount, gap

    if any(f.measure == name and f.between == features for f in case.findings):
        return _found(case, name, features)
    minimum = min_group_size(case)
    families = []
    for rate in rates:
        cells = [f for f in case.findings if _is_rate(f, rate, features)]
        big = [f for f in cells if _size(case, f) >= minimum and is_known(f.group)]
        groups = [GroupCount(str(dict(f.group)), f.counts["k"], f.counts["n"]) for f in big]
        families.append(Family(rate, tuple(groups), because("no-rows")))
    estimate = gap(families, scale="difference", levels=tuple(case.plan.levels))
    return Number(estimate.value, estimate.interval)


def _is_rate(f: Finding, rate: str, features: tuple[str, ...]) -> bool:
    right = f.check == "fairness.group_rates" and f.measure == rate
    return right and set(f.group) == set(features) and {"k", "n"} <= set(f.counts)


def _size(case: Case, rate: Finding) -> int:
    for f in case.findings:
        if f.check == rate.check and f.measure == "count" and f.group == rate.group:
            return int(f.value or 0)
    raise InputError(
        "case {case_path} has no count of {group}",
        remedy="audit again",
        case_path=case.path,
        group=dict(rate.group),
    )


def _verdict(gap: MeasureBeforeAfter) -> tuple[str, str]:
    """Whether the mitigation helped, said from the interval of the change alone."""
    over, change, name = " × ".join(gap.over), gap.change, measured(gap.measure)
    if change.value is None or change.interval is None:
        return (
            "undefined",
            f"Whether it helped can't be said: {name} over {over} has no value.",
        )
    low, high = change.interval.low, change.interval.high
    shown = [e if e.startswith("-") or e == "0" else f"+{e}" for e in span(low, high)]
    numbers = f"{signed(change.value)} ({' to '.join(shown)})"
    if high < 0:
        return "yes", f"It helped: {name} over {over} changed by {numbers}."
    if low > 0:
        return "harmed", f"It did harm: {name} over {over} changed by {numbers}."
    return (
        "no",
        f"It was not shown to help: {name} over {over} changed by {numbers}, an interval "
        "that holds 0.",
    )


def _costs(comparison: Comparison) -> list[str]:
    if not comparison.worse:
        return ["No group was shown to be worse off; small groups can be and go unseen."]
    named = "; ".join(
        f"{group_text(r)}: {measured(r.measure)} {signed(r.difference or 0.0)}"
        for r in comparison.worse
    )
    return [f"Shown to be worse than before: {named}."]


def _cautions(after: Case, result: MitigationResult) -> list[str]:
    said = list(result.description.notes)
    if result.description.randomises:
        share = _found(after, "randomised_decision_rate").value or 0.0
        said.append(
            f"The mitigated model draws lots: {in_percent(share)} of these rows are decided by "
            "chance (the same for equal rows each time)."
        )
    if result.description.needs_sensitive_features:
        needed = ", ".join(result.description.sensitive_features)
        said.append(
            f"The mitigated model reads {needed} to decide: is that allowed where it is used?"
        )
    return said
