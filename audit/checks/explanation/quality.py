"""Is the explanation any good? Attributions held against what the model does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.asking.explainers import IGNORED, answers_of, explained_sample
from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.errors import InputError
from evenhand.audit.finding import Finding
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.attribution.quality.explainer import Explained, Explainer
    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "Do the attributions foretell what the model does, and do they depend on the model?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"model"})
SOURCE = (
    "infidelity: Yeh et al. 2019, as captum.metrics; deletion and insertion: Petsiuk, Das and "
    "Saenko 2018; randomisation: Adebayo et al. 2018; permutation importance: Breiman 2001"
)
COST = "slow"
MEASURES = {
    "infidelity": "mean squared difference between the change that attributions promise when "
    "random columns (patches of images, words of texts) go to the baseline, and the true one",
    "relative_infidelity": "infidelity as a share of that of attributions of zero: 0 is exact, 1 "
    "no better than no explanation",
    "deletion_area": "area under the output as columns (patches, words) go to the baseline, those "
    "said to support it most first; low is good",
    "insertion_area": "area under the output as columns (patches, words) come back, those said to "
    "support it most first; high is good",
    "deletion_gain": "area of a random order of deletion minus the attributions': above 0 they "
    "know better than chance",
    "insertion_gain": "area of the attributions' order of insertion minus a random one's",
    "randomisation_rank_correlation": "mean rank correlation of |attributions| before and after "
    "the model was randomised: low where they depend on the model (columns at the baseline have "
    "none before or after, which keeps it above 0)",
    "method_rank_correlation": "mean Spearman correlation of |attributions| by two methods",
    "method_kendall_tau": "mean Kendall tau-b of |attributions| by two methods",
    "method_top_k_overlap": "mean share of top columns (patches, words) that two methods have in "
    "common",
    "importance_rank_correlation": "Spearman correlation over columns of mean |attribution| and "
    "permutation importance",
    "closed_form_gap": "mean over rows of the largest |attribution - weight x (input - baseline)|, "
    "of models that are linear in their log-odds or value",
}
SCHEMA = "evenhand-explanation-curves/1"
_RANDOMISED_ROWS = 50  # explained again for each shuffle
_IMPORTANCE_CELLS = 100_000_000  # scored: each column is shuffled in rows of all of them
_IMPORTANCE_ROWS = 1000  # only scored, not explained


@dataclass(frozen=True, eq=False)
class _Asked:
    """One explanation and all that it takes to question it."""

    record: Recorder
    explainer: Explainer
    frame: pd.DataFrame
    found: Explained
    levels: Sequence[float]
    about: str

    @property
    def no_order(self) -> Reasons:
        """Why there is no order of parts; empty where there is one."""
        part = self.explainer.part.part
        return because("one-part", part=part) if self.found.most < 2 else ()

    def write(self, measure: str, estimate: Estimate, *, how: str = "", **fields: Any) -> Finding:
        return self.record.write(measure, estimate.by(self.about, how), random=True, **fields)


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    method: str = "auto",
    rows: int = 0,
    masks: int = 40,
    points: int = 10,
    orders: int = 4,
    shuffles: int = 5,
    repeats: int = 5,
    top_k: int = 3,
    evaluations: int = 500_000,
) -> Iterator[Finding | Artifact]:
    """Yields every measure over ``rows`` sampled rows, and the deletion and insertion curves.

    0 rows are 200 of a table, 100 images or texts, 25 prompts. Images are judged by patches, texts
    by words, a generator by the words of a prompt and the log probability of its own continuation.
    ``masks`` random sets of parts test infidelity, the same for all rows; curves have ``points``
    points and are held against ``orders`` random orders; the model is randomised ``shuffles``
    times; permutation importance shuffles each column ``repeats`` times. ``evaluations`` bounds
    the rows that one explanation by Shapley sampling may score.
    """
    record = Recorder(__name__, seed)
    sampled = explained_sample(
        subject, method=method, rows=rows, usual=200, seed=seed, evaluations=evaluations
    )
    explainer, frame, found = sampled.explainer, sampled.frame, sampled.found
    about = f"{found.method}; {len(frame)} of {subject.n} rows"
    asked = _Asked(record, explainer, frame, found, levels, about)
    if found.ignores_input:
        yield from _undefined(asked)
        return
    yield from _infidelity(asked, masks)
    yield from _curves(asked, points, orders)
    yield _randomised(asked, shuffles)
    yield from _two_methods(asked, top_k)
    yield _importance(asked, subject, repeats)
    yield _closed_form(asked)


def _undefined(asked: _Asked) -> Iterator[Finding]:
    from evenhand.audit.measure.uncertainty.estimate import undefined

    for name in MEASURES:
        yield asked.write(name, undefined(IGNORED, n=len(asked.frame)))


def _infidelity(sample: _Asked, draws: int) -> Iterator[Finding]:
    from evenhand.audit.measure.attribution import quality as q
    from evenhand.audit.measure.uncertainty.intervals import mean

    found = sample.found
    masks = q.draw_masks(found.values.shape[1], draws, sample.record.stream("masks"))
    changes = found.output[:, None] - sample.explainer.hidden(sample.frame, masks)
    each = q.infidelity(found.values, masks, changes, found.there)
    part = sample.explainer.part
    how = f"{len(masks)} sets of {part.parts} {part.hidden}, the same for all rows"
    estimate = mean(each, sample.levels).not_below(0.0)
    yield sample.write("infidelity", estimate, how=how, unit=f"({found.unit})^2")
    empty = because("no-change", parts=part.parts, hidden=part.hidden)
    moved = q.mean_change(changes, masks, found.there)
    share = q.ratio(each, moved, sample.levels, empty=empty)
    yield sample.write("relative_infidelity", share, how=how, unit="ratio")


def _curves(sample: _Asked, points: int, orders: int) -> Iterator[Finding | Artifact]:
    import numpy as np

    from evenhand.audit.measure.attribution import quality as q
    from evenhand.audit.measure.uncertainty.estimate import undefined
    from evenhand.audit.measure.uncertainty.intervals import mean

    attributed = sample.found
    counts = q.removal_counts(attributed.there, points)
    order = q.supporting_order(
        attributed.values, attributed.output - attributed.baseline_output, attributed.there
    )
    rng = np.random.default_rng(list(sample.record.stream("random orders")))
    lines = [q.removal_masks(order, counts), q.removal_masks(order, counts, insertion=True)]
    lines += [q.removal_masks(q.random_order(attributed.there, rng), counts) for _ in range(orders)]
    outputs = sample.explainer.hidden(sample.frame, np.concatenate(lines, axis=1))
    parts = np.split(outputs, len(lines), axis=1)
    # What is left when all parts are gone; a method's own baseline may be another one (vectors of
    # zeros in place of words).
    nothing = parts[0][:, -1]
    drawn = [q.curves(p, attributed.output, nothing, counts) for p in parts]
    deletion, insertion, *by_chance = drawn
    # a random order given back is a random order taken away, read backwards: one area for both
    chance = np.mean([c.areas for c in by_chance], axis=0)
    curve = sample.record.artifact(_curve_json(sample, drawn), part="curves")
    place = {"unit": attributed.unit, "artifacts": (curve.name,)}
    how = f"{counts.shape[1]} points, counted from the baseline's output towards the row's"
    for name, areas in (("deletion_area", deletion.areas), ("insertion_area", insertion.areas)):
        yield sample.write(name, mean(areas, sample.levels), how=how, **place)
    against = f"{how}; against {orders} random orders a row"
    gains = {"deletion_gain": chance - deletion.areas, "insertion_gain": insertion.areas - chance}
    for name, gain in gains.items():
        estimate = mean(gain, sample.levels)
        if sample.no_order:
            estimate = undefined(sample.no_order, n=len(gain))
        yield sample.write(name, estimate, how=against, **place)
    yield curve


def _curve_json(sample: _Asked, drawn: Sequence[Any]) -> dict[str, Any]:
    import numpy as np

    from evenhand.audit.measure.uncertainty.intervals import mean

    level = sample.levels[0]
    deletion, insertion, *by_chance = drawn
    chance = np.mean([c.values for c in by_chance], axis=0)

    def points(values: np.ndarray) -> list[dict[str, float | None]]:
        means = [mean(values[:, i], (level,)) for i in range(values.shape[1])]
        return [
            {
                "mean": m.value,
                "low": m.interval.low if m.interval else None,
                "high": m.interval.high if m.interval else None,
            }
            for m in means
        ]

    return {
        "schema": SCHEMA,
        "unit": sample.found.unit,
        "level": level,
        "n": len(sample.frame),
        "method": sample.found.method,
        "parts": sample.explainer.part.parts,
        "share_of_columns": [float(s) for s in deletion.removed.mean(axis=0)],
        "deletion": points(deletion.values),
        "insertion": points(insertion.values),
        "random_deletion": points(chance),
    }


def _randomised(sample: _Asked, shuffles: int) -> Finding:
    """The mean over shuffles of the mean rank correlation; its interval is of the shuffles."""
    import numpy as np

    from evenhand.audit.measure.attribution import agreement
    from evenhand.audit.measure.uncertainty.estimate import undefined

    name = "randomisation_rank_correlation"
    frame = sample.frame.iloc[:_RANDOMISED_ROWS]
    n, how = len(frame), ""
    if sample.no_order:
        return sample.write(name, undefined(sample.no_order, n=n), unit="correlation")
    # Only so wide as these rows are: the others may have longer texts.
    there = sample.found.there[:n]
    there = there[:, : int(there.sum(axis=1).max(initial=0))]
    values = sample.found.values[:n, : there.shape[1]]
    means = []
    for shuffle in range(shuffles):
        other, how = sample.explainer.randomised(frame, sample.record.stream(f"shuffle {shuffle}"))
        each = agreement.by_length(agreement.spearman, values, other, there)
        if not np.isnan(each).all():
            means.append(np.nanmean(each))
    empty = because("shuffles-do-not-differ")
    found = agreement.mean_known(np.array(means), sample.levels, -1.0, 1.0, empty=empty)
    without = shuffles - len(means)
    note = because("shuffles-without-order", n=without) if without else ()
    how += f"; first {n} rows, {shuffles} shuffles, interval over shuffles"
    counts = {"shuffles": len(means)}
    return sample.write(
        name, replace(found, n=n, counts=counts), how=how, unit="correlation", note=note
    )


def _two_methods(sample: _Asked, top_k: int) -> Iterator[Finding]:
    from evenhand.audit.measure.attribution import agreement
    from evenhand.audit.measure.uncertainty.estimate import undefined

    other, values, there = sample.explainer.other_method(), sample.found.values, sample.found.there
    k, n = agreement.top_of(sample.found.most, top_k), len(sample.frame)
    names = ("method_rank_correlation", "method_kendall_tau", "method_top_k_overlap")
    units = ("correlation", "correlation", "rate")
    why = sample.no_order or (() if other else because("no-second-method"))
    if why or other is None:
        for name, unit in zip(names, units, strict=True):
            yield sample.write(name, undefined(why, n=n), unit=unit)
        return
    second = sample.explainer.attribute(sample.frame, method=other).values
    works = (agreement.spearman, agreement.kendall, agreement.top_overlap(k))
    rows = [agreement.by_length(work, values, second, there) for work in works]
    empty = because("no-order-by-both", parts=sample.explainer.part.parts)
    for name, unit, each in zip(names, units, rows, strict=True):
        low = 0.0 if unit == "rate" else -1.0
        how = f"against {other.replace('_', ' ')}" + (f"; k = {k}" if unit == "rate" else "")
        found = agreement.mean_known(each, sample.levels, low, 1.0, empty=empty)
        yield sample.write(name, found, how=how, unit=unit)


def _importance(explained: _Asked, subject: Subject, repeats: int) -> Finding:
    import numpy as np

    from evenhand.audit.attribution.quality.importance import effort, loss_increase
    from evenhand.audit.measure.attribution.agreement import column_agreement

    name = "importance_rank_correlation"
    if not explained.explainer.is_tabular:
        parts = explained.explainer.part.parts
        reason = because("permutation-needs-columns", parts=parts)
        return explained.record.without_value(name, "not_applicable", reason)
    answers = answers_of(subject)
    if answers is None or subject.model is None:
        return explained.record.without_value(name, "not_applicable", because("no-true-answers"))
    stream = explained.record.stream("importance")
    predictor = subject.model.predictor
    values = np.abs(explained.found.values)
    n_columns = values.shape[1]
    most = effort(min(subject.n, _IMPORTANCE_ROWS), n_columns, repeats, _IMPORTANCE_CELLS)
    chosen = sample(subject, most.rows, stream)
    rng = np.random.default_rng([*stream, 1])
    among = np.sort(rng.permutation(n_columns)[: most.columns])
    increase = loss_increase(
        predictor, subject.frame.iloc[chosen], answers[chosen], most.repeats, stream, among.tolist()
    )
    found = column_agreement(values[:, among], increase, explained.levels, stream)
    lost = "squared error" if subject.task == "regression" else "log loss"
    times = "once" if most.repeats == 1 else f"{most.repeats} times"
    how = f"importance: increase of {lost} when a column is shuffled {times}"
    how += f" over {len(chosen)} rows"
    note: Reasons = ()
    if most.columns < n_columns:
        note = because("columns-not-shuffled", n=n_columns - most.columns, of=n_columns)
    return explained.write(name, found, how=how, unit="correlation", note=note)


def _closed_form(sample: _Asked) -> Finding:
    import numpy as np

    from evenhand.audit.measure.uncertainty.intervals import mean

    name = "closed_form_gap"
    explainer = sample.explainer
    if not explainer.is_linear:
        reason = because("not-linear")
        return sample.record.without_value(name, "not_applicable", reason)
    try:
        exact = explainer.attribute(sample.frame, method="linear", output="logit")
        ours = explainer.attribute(sample.frame, output="logit")
    except InputError as error:
        return sample.record.without_value(name, "not_applicable", str(error))
    gap = np.abs(ours.values - exact.values).max(axis=1, initial=0.0)
    estimate = mean(gap, sample.levels).not_below(0.0)
    told = replace(sample, about=f"{ours.method}; {len(sample.frame)} rows")
    return told.write(name, estimate, how=f"against: {exact.method}", unit=exact.unit)
