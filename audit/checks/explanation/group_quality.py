"""Are explanations worse for some people? Quality of attributions by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from evenhand.audit.asking.explainers import IGNORED, GroupsExplained, explained_groups
from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np

    from evenhand.audit.attribution.kinds.players import Part
    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "Are explanations equally good in every group?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"model", "sensitive_features"})
SOURCE = (
    "Balagopalan et al. 2022 and Dai et al. 2022 (fidelity of explanations by group); infidelity: "
    "Yeh et al. 2019; deletion: Petsiuk, Das and Saenko 2018; gaps: Zou and Donner 2008"
)
COST = "slow"
_QUALITY = {
    "infidelity": "mean squared difference between the change that attributions promise when "
    "random columns (patches of images, words of texts) go to the baseline, and the true one",
    "relative_infidelity": "infidelity as a share of that of attributions of zero",
    "completeness_gap": "mean |sum of attributions - (output - output of the baseline)|",
    "deletion_gain": "area of a random order of deletion minus the attributions'",
}
MEASURES = {
    **{f"group_{name}": f"in each group: {what}" for name, what in _QUALITY.items()},
    **{
        f"{name}_difference": f"largest minus smallest over groups: {what}"
        for name, what in _QUALITY.items()
    },
}
_POINTS = 10  # of deletion curves


@dataclass(frozen=True, eq=False)
class _Quality:
    """What was measured of each explained row, all of shape (rows,)."""

    infidelity: np.ndarray
    moved: np.ndarray
    gap: np.ndarray
    deletion_gain: np.ndarray
    parts: Part
    has_order: bool

    def estimate(self, name: str, at: np.ndarray, levels: Sequence[float]) -> Estimate:
        """One measure over the rows ``at``."""
        from evenhand.audit.measure.attribution.quality import ratio
        from evenhand.audit.measure.uncertainty.estimate import undefined
        from evenhand.audit.measure.uncertainty.intervals import mean

        if name == "infidelity":
            return mean(self.infidelity[at], levels).not_below(0.0)
        if name == "completeness_gap":
            return mean(abs(self.gap[at]), levels).not_below(0.0)
        if name == "relative_infidelity":
            empty = because("no-change", parts=self.parts.parts, hidden=self.parts.hidden)
            return ratio(self.infidelity[at], self.moved[at], levels, empty=empty)
        if not self.has_order:
            return undefined(because("one-part", part=self.parts.part), n=len(at))
        return mean(self.deletion_gain[at], levels)


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    method: str = "auto",
    rows: int = 0,
    masks: int = 30,
    orders: int = 4,
    min_group_size: int = 10,
    evaluations: int = 500_000,
) -> Iterator[Finding]:
    """Yields every measure for up to ``rows`` sampled rows of each group, and the gaps.

    0 rows are 100 of a table, 50 images or texts, 12 prompts, which are judged by patches or words
    as in ``explanation.quality``. Groups are those of each single sensitive feature; those of fewer
    than ``min_group_size`` rows are shown, marked as too small, and left out of gaps. Infidelity is
    asked with ``masks`` sets of parts at the baseline, the same for all rows; deletion is held
    against ``orders`` random orders a row.
    """
    from evenhand.audit.measure.groups.spread import largest_difference

    explained = explained_groups(
        subject, method=method, rows=rows, seed=seed, evaluations=evaluations
    )
    record = Recorder(__name__, seed)
    about = f"{explained.found.method}; up to {explained.rows} rows of each group"

    def write(name: str, estimate: Estimate, **fields: Any) -> Finding:
        return record.write(name, estimate.by(about), random=True, **fields)

    ignored = explained.found.ignores_input
    of_rows = _nothing if ignored else _measured(explained, record, masks, orders).estimate
    unit = explained.found.unit
    units = {"infidelity": f"({unit})^2", "relative_infidelity": "ratio"}
    for feature, members in explained.groups.items():
        for name in _QUALITY:
            named_unit = units.get(name, unit)
            for group_name, at in members.items():
                group = {feature: group_name}
                estimate = of_rows(name, at, levels)
                note = explained.note(group, min_group_size)
                yield write(f"group_{name}", estimate, unit=named_unit, group=group, note=note)
            big = explained.big(feature, min_group_size)
            estimate = (
                _nothing(name, explained.everyone)
                if ignored
                else largest_difference(
                    {group: partial(of_rows, name, at) for group, at in big.items()}, levels
                )
            )
            note = explained.left_out(feature, min_group_size)
            place: dict[str, Any] = {"between": (feature,), "note": note}
            yield write(f"{name}_difference", estimate, unit=named_unit, **place)


def _nothing(name: str, at: np.ndarray, levels: Sequence[float] = ()) -> Estimate:
    """What every measure is of a model that ignores its input."""
    from evenhand.audit.measure.uncertainty.estimate import undefined

    return undefined(IGNORED, n=len(at))


def _measured(explained: GroupsExplained, record: Recorder, masks: int, orders: int) -> _Quality:
    import numpy as np

    from evenhand.audit.measure.attribution import quality as q

    attributed = explained.found
    sets = q.draw_masks(attributed.values.shape[1], masks, record.stream("masks"))
    counts = q.removal_counts(attributed.there, _POINTS)
    rng = np.random.default_rng(list(record.stream("random orders")))
    own = q.supporting_order(
        attributed.values, attributed.output - attributed.baseline_output, attributed.there
    )
    lines = [np.broadcast_to(sets, (len(own), *sets.shape)), q.removal_masks(own, counts)]
    for _ in range(orders):
        lines.append(q.removal_masks(q.random_order(attributed.there, rng), counts))
    outputs = explained.explainer.hidden(explained.frame, np.concatenate(lines, axis=1))
    parts = len(sets) + counts.shape[1] * np.arange(orders + 1)
    hidden, *taken = np.split(outputs, parts, axis=1)
    changes = attributed.output[:, None] - hidden
    nothing = taken[0][:, -1]  # the output when all parts are gone
    deletion, *by_chance_areas = (
        q.curves(t, attributed.output, nothing, counts).areas for t in taken
    )
    return _Quality(
        infidelity=q.infidelity(attributed.values, sets, changes, attributed.there),
        moved=q.mean_change(changes, sets, attributed.there),
        gap=attributed.gap,
        deletion_gain=np.mean(by_chance_areas, axis=0) - deletion,
        parts=explained.explainer.part,
        has_order=attributed.most > 1,
    )
