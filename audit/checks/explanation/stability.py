"""Does the explanation stay the same when nothing of substance changes?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evenhand.audit.asking.explainers import explained_sample
from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.attribution.quality.explainer import Explained, Explainer
    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "Do attributions stay the same under tiny noise, and when they are drawn again?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"model"})
SOURCE = (
    "sensitivity: Yeh et al. 2019, as captum.metrics; Alvarez-Melis and Jaakkola 2018; Spearman "
    "1904"
)
COST = "slow"
MEASURES = {
    "sensitivity": "mean over rows of the largest change of the attributions under tiny noise, as "
    "a share of their length",
    "noise_rank_correlation": "mean rank correlation of |attributions| with those under tiny noise",
    "noise_top_k_overlap": "mean share of top columns that stay on top under tiny noise",
    "seed_rank_correlation": "mean rank correlation of |attributions| drawn with other seeds",
    "seed_top_k_overlap": "mean share of top columns (patches, words) that stay on top with other "
    "seeds",
}
IGNORED = because("attributions-zero-no-order")


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    method: str = "auto",
    rows: int = 0,
    radius: float = 0.02,
    draws: int = 4,
    seeds: int = 3,
    top_k: int = 3,
    evaluations: int = 250_000,
) -> Iterator[Finding]:
    """Yields every measure over ``rows`` sampled rows: 0 are 100 of a table, 50 images or texts, 12
    prompts, which are explained by patches or words as in ``explanation.quality``.

    Noise moves each number by up to ``radius`` robust standard deviations of its column (the
    interquartile range over 1.349), ``draws`` times; texts, truth values, codes of two values,
    columns half of whose cells are alike, numbers that are categories to the model, and missing
    cells stay; an image or a text has no such column. ``seeds`` other seeds draw the attributions
    again, where the method draws at all. For a model against its private or
    compressed twin, see ``evenhand compare``.
    """
    record = Recorder(__name__, seed)
    sampled = explained_sample(
        subject, method=method, rows=rows, usual=100, seed=seed, evaluations=evaluations
    )
    explainer, frame, attributed = sampled.explainer, sampled.frame, sampled.found
    about = f"{attributed.method}; {len(frame)} of {subject.n} rows"

    def write(name: str, estimate: Estimate, how: str, unit: str) -> Finding:
        return record.write(name, estimate.by(about, how), unit=unit, random=True)

    for name, unit, estimate, how in _under_noise(
        explainer, subject.frame, frame, attributed, levels, radius, draws, top_k, record
    ):
        yield write(name, estimate, how, unit)
    if not explainer.draws:
        reason = because("method-draws-nothing", method=explainer.name.replace("_", " "))
        for name in ("seed_rank_correlation", "seed_top_k_overlap"):
            yield record.without_value(name, "not_applicable", reason)
    else:
        again = [
            explainer.attribute(frame, seed=_number(record.stream(f"seed {i}"))).values
            for i in range(seeds)
        ]
        how = f"{seeds} other seeds"
        for part, unit, estimate, at in _kept(explainer, attributed, again, levels, top_k):
            yield write(f"seed_{part}", estimate, how + at, unit)


def _number(stream: tuple[int, int]) -> int:
    return stream[0] ^ stream[1]


def _under_noise(
    explainer: Explainer,
    everyone: pd.DataFrame,
    frame: pd.DataFrame,
    attributed: Explained,
    levels: Sequence[float],
    radius: float,
    draws: int,
    top_k: int,
    record: Recorder,
) -> Iterator[tuple[str, str, Estimate, str]]:
    import numpy as np

    from evenhand.audit.attribution.quality.noise import scales, with_noise
    from evenhand.audit.measure.attribution import quality as q
    from evenhand.audit.measure.uncertainty.estimate import undefined
    from evenhand.audit.measure.uncertainty.intervals import mean

    values = attributed.values
    amounts = [c for c in explainer.columns if c not in explainer.codes]
    scale = scales(everyone, amounts) if explainer.is_tabular else {}
    how = (
        f"noise of up to {radius:g} robust standard deviations on {len(scale)} of "
        f"{len(explainer.columns)} columns, {draws} draws"
    )
    names = (
        ("sensitivity", "ratio"),
        ("noise_rank_correlation", "correlation"),
        ("noise_top_k_overlap", "rate"),
    )
    if not scale or not values.any():
        why = IGNORED if scale else because("no-column-for-noise")
        if not explainer.is_tabular:
            why = because("noise-moves-columns", parts=explainer.part.parts)
        for name, unit in names:
            yield name, unit, undefined(why, n=len(frame)), how
        return
    noisy = with_noise(frame[list(explainer.columns)], scale, radius, draws, record.stream("noise"))
    moved = explainer.attribute(noisy).values.reshape(draws, *values.shape)
    change = q.sensitivity(values, moved)
    known = change[~np.isnan(change)]
    estimate = mean(known, levels, empty=IGNORED).not_below(0.0)
    left = len(change) - len(known)
    note = because("rows-without-attribution", n=left) if left else ()
    yield "sensitivity", "ratio", replace(estimate, reason=estimate.reason + note), how
    for part, unit, estimate, at in _kept(explainer, attributed, list(moved), levels, top_k):
        yield f"noise_{part}", unit, estimate, how + at


def _kept(
    explainer: Explainer,
    attributed: Explained,
    others: Sequence[np.ndarray],
    levels: Sequence[float],
    top_k: int,
) -> Iterator[tuple[str, str, Estimate, str]]:
    """(measure, unit, estimate, how) of the agreement of ``attributed`` with all of ``others``."""
    import numpy as np

    from evenhand.audit.measure.attribution import agreement
    from evenhand.audit.measure.uncertainty.estimate import undefined

    values, there = attributed.values, attributed.there
    k = agreement.top_of(attributed.most, top_k)
    if k < 1:
        why = because("one-part", part=explainer.part.part)
        for part, unit in (("rank_correlation", "correlation"), ("top_k_overlap", "rate")):
            yield part, unit, undefined(why, n=len(values)), ""
        return

    def mean_over(work: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        each = [agreement.by_length(work, values, other, there) for other in others]
        return np.asarray(np.mean(each, axis=0))

    ranks, tops = mean_over(agreement.spearman), mean_over(agreement.top_overlap(k))
    same = agreement.mean_known(ranks, levels, -1.0, 1.0, empty=IGNORED)
    yield "rank_correlation", "correlation", same, ""
    same = agreement.mean_known(tops, levels, 0.0, 1.0, empty=IGNORED)
    yield "top_k_overlap", "rate", same, f"; k = {k}"
