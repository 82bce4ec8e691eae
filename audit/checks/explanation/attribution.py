"""What moves the score? Attributions of sampled rows by one method, and how well they add up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.asking.explainers import is_prose, positive_position
from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.errors import InputError, MissingNeed, rows_of_file
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject
from evenhand.audit.words.numbers import number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.attribution.door import Answer
    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "How much does each input column move the output?"
TASKS = frozenset({"binary", "multiclass", "regression", "generation"})
NEEDS = frozenset({"model"})
SOURCE = (
    "Captum; integrated gradients: Sundararajan, Taly and Yan 2017; Shapley values: Shapley 1953, "
    "Castro, Gomez and Tejada 2009"
)
COST = "slow"
MEASURES = {
    "mean_absolute_attribution": "mean over rows of |attribution| of a column; of a text or an "
    "image the sum over its words or pixels",
    "completeness_gap": "mean over rows of |sum of attributions - (output - output of the "
    "baseline)|, in probability",
    "relative_completeness_gap": "the same over the mean |output - output of the baseline|",
}
# Rows to begin with and at most, where ``rows`` doesn't say how many.
_FIRST, _MOST = 200, 1600
_FIRST_PROMPTS, _MOST_PROMPTS = 20, 40
_WIDTH = 0.1  # half-width of a mean, as a share of the largest one, at which rows are enough


@dataclass(frozen=True, eq=False)
class _Plan:
    """How every question of this check is put."""

    subject: Subject
    record: Recorder
    options: dict[str, Any]
    frames: dict[str, pd.DataFrame]
    kind: str


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    method: str = "auto",
    output: str = "probability",
    baseline: str = "default",
    rows: int = 0,
    steps: int = 50,
    permutations: int = 0,
    evaluations: int = 2_000_000,
    prompt_words: int = 12,
    new_tokens: int = 8,
    keep: int = 200,
    keep_inputs: bool = True,
) -> Iterator[Finding | Artifact]:
    """Yields the mean |attribution| of each column, the gaps, and the attributions row by row.

    What is explained is the positive label's ``output`` (probability, logit or log_probability),
    of several classes that of the class predicted for each row; a regression's value; the log
    probability of a generator's own ``new_tokens`` tokens behind the first ``prompt_words`` words
    of a text. ``method`` is one that the model offers; "auto" is integrated gradients where there
    are gradients, else Shapley values over whole columns: exact up to 12 of them, else sampled
    (``permutations`` fixes how many, ``evaluations`` bounds the rows scored for it). ``baseline``
    is "default" (the network's own, else the typical row) or "reference" (the declared reference
    applicant). ``rows`` fixes how many are sampled; 0 takes as many as make the widest half-width
    of a mean a tenth of the largest mean, 200 to 1600 (prompts: 20 to 40). ``keep`` rows are kept
    one by one in the artifact, with their cells unless ``keep_inputs`` is false.
    """
    asked = {
        "method": method,
        "steps": steps,
        "permutations": permutations,
        "prompt_words": prompt_words,
        "new_tokens": new_tokens,
    }
    if subject.task in ("binary", "multiclass"):
        asked["output"] = output
    plan = _plan(subject, Recorder(__name__, seed), asked, baseline)
    positions, found = _explained(plan, levels, rows, evaluations)
    yield from _findings(plan, positions, found, levels, keep=keep, keep_inputs=keep_inputs)


def _plan(subject: Subject, record: Recorder, asked: dict[str, Any], baseline: str) -> _Plan:
    from evenhand.audit.attribution.door import Question, ask

    assert subject.model is not None
    predictor = subject.model.predictor
    words = {"words": is_prose(subject, predictor.input_columns)}
    can = ask(predictor, Question("capabilities", words)).facts
    if not can["methods"]:
        raise MissingNeed(because("no-method-explains"))
    kind = can["kind"]
    options = {**asked, **words, "seed": (record.seed ^ record.stream("attributions")[1]) % 2**31}
    if subject.task == "binary":
        options["target"] = positive_position(subject)
    frames = {}
    if kind == "tabular":
        row, named = _baseline(subject, baseline)
        if row is not None:
            frames["baseline"], options["baseline_name"] = row, named
    elif baseline != "default":
        raise InputError(
            "baseline={baseline!r} of {kind} rows",
            remedy="use baseline: default",
            baseline=baseline,
            kind=kind,
        )
    return _Plan(subject, record, options, frames, kind)


def _baseline(subject: Subject, wanted: str) -> tuple[pd.DataFrame | None, str]:
    from evenhand.audit.attribution.baselines import TYPICAL, typical_row

    assert subject.model is not None
    predictor = subject.model.predictor
    if wanted == "reference":
        from evenhand.audit.asking.applicants import Applicants

        reference = Applicants(subject).reference
        return reference.row, f"reference applicant, {reference.described}"
    if wanted != "default":
        raise InputError(
            "baseline={wanted!r} is not known", remedy="use default or reference", wanted=wanted
        )
    from evenhand.audit.attribution.door import Question, ask

    if ask(predictor, Question("capabilities")).facts["gradients"]:
        return None, ""  # the network's own, in encoded space
    return typical_row(subject.frame, predictor.input_columns), TYPICAL


def _explained(
    plan: _Plan, levels: Sequence[float], rows: int, evaluations: int
) -> tuple[np.ndarray, Answer]:
    """Positions of the rows explained, and their explanation: more and more of them until the
    interval is narrow enough."""
    import numpy as np

    from evenhand.audit.attribution.progress import report

    subject = plan.subject
    first, most = (_FIRST_PROMPTS, _MOST_PROMPTS) if plan.kind == "generation" else (_FIRST, _MOST)
    first, most = (rows, rows) if rows else (first, most)
    drawn = sample(subject, most, plan.record.stream("sample"))
    # In random order: any first part of them is a sample too.
    order = np.random.default_rng(plan.record.stream("order")).permutation(len(drawn))
    drawn = drawn[order]
    parts: list[Answer] = []
    done = 0
    while True:
        upto = min(len(drawn), max(first, 2 * done))
        parts.append(_ask(plan, drawn[done:upto], evaluations * (upto - done) // len(drawn), done))
        done = upto
        report("rows explained", done, len(drawn))
        found = _joined(parts)
        if done == len(drawn) or _is_enough(_sizes(plan, found), levels[0]):
            return drawn[:done], found


def _ask(plan: _Plan, positions: np.ndarray, evaluations: int, done: int) -> Answer:
    from evenhand.audit.attribution.door import Question, ask

    assert plan.subject.model is not None
    predictor = plan.subject.model.predictor
    rows = plan.subject.frame.iloc[positions][list(predictor.input_columns)]
    options = {
        **plan.options,
        "evaluations": max(1, evaluations),
        "seed": plan.options["seed"] + done,
    }
    frames = {**plan.frames, "rows": rows.reset_index(drop=True)}
    with rows_of_file(plan.subject.numbers_at(positions)):
        return ask(predictor, Question("attribute", options, frames))


def _joined(parts: Sequence[Answer]) -> Answer:
    """Several answers as one; the line for people is that of the least certain."""
    import numpy as np

    before, offsets = 0, []
    for part in parts:
        offsets.append(before)
        before += len(part.arrays["values"])
    arrays = {name: [part.arrays[name] for part in parts] for name in parts[0].arrays}
    if "word_rows" in arrays:
        arrays["word_rows"] = [a + o for a, o in zip(arrays["word_rows"], offsets, strict=True)]
    widths = [float(part.arrays.get("half_width", np.zeros(1)).max(initial=0.0)) for part in parts]
    facts = dict(parts[int(np.argmax(widths))].facts)
    facts["evaluations"] = sum(part.facts["evaluations"] for part in parts)
    for name in ("words", "continuations"):
        if name in facts:
            facts[name] = [each for part in parts for each in part.facts[name]]
    return replace(parts[0], arrays={k: np.concatenate(v) for k, v in arrays.items()}, facts=facts)


def _sizes(plan: _Plan, found: Answer) -> np.ndarray:
    """|attribution| of each column, (rows, columns); of texts and images over all their parts."""
    import numpy as np

    if plan.kind == "tabular":
        return np.abs(found.arrays["values"])
    if plan.kind == "image":
        return np.abs(found.arrays["maps"]).sum(axis=(1, 2))[:, None]
    sums = np.bincount(
        found.arrays["word_rows"],
        weights=np.abs(found.arrays["word_values"]),
        minlength=len(found.arrays["values"]),
    )
    return sums[:, None]


def _half_widths(sizes: np.ndarray, level: float) -> np.ndarray:
    import numpy as np
    from scipy.stats import t

    n = len(sizes)
    spread = sizes.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(sizes.shape[1])
    return np.asarray(spread * t.ppf(0.5 + level / 2, max(1, n - 1)))


def _is_enough(sizes: np.ndarray, level: float) -> bool:
    widest = float(_half_widths(sizes, level).max(initial=0.0))
    return widest <= _WIDTH * float(sizes.mean(axis=0).max(initial=0.0))


def _findings(
    plan: _Plan,
    positions: np.ndarray,
    answer: Answer,
    levels: Sequence[float],
    *,
    keep: int,
    keep_inputs: bool,
) -> Iterator[Finding | Artifact]:
    from evenhand.audit.attribution.artifact import attributions_json
    from evenhand.audit.measure.uncertainty.intervals import mean

    subject, record = plan.subject, plan.record
    sizes, columns = _sizes(plan, answer), answer.facts["columns"]
    widest = float(_half_widths(sizes, levels[0]).max(initial=0.0))
    about = (
        f"{answer.facts['method']}; {len(positions)} of {subject.n} rows sampled: widest "
        f"half-width of a mean {number(widest)}"
    )

    def described(values: np.ndarray) -> Estimate:
        return mean(values, levels).not_below(0.0).by(about)

    estimates = [(c, described(sizes[:, j])) for j, c in enumerate(columns)]
    frame = subject.frame.iloc[positions].reset_index(drop=True)
    signed = answer.arrays["values"].mean(axis=0)
    artifact = record.artifact(
        attributions_json(
            answer,
            frame,
            [(c, e, float(signed[j])) for j, (c, e) in enumerate(estimates)],
            n_rows=subject.n,
            numbers=subject.numbers_at(positions),
            targets=_targets(subject, frame.head(keep)),
            keep=keep,
            keep_inputs=keep_inputs,
        )
    )
    yield artifact
    for column, estimate in estimates:
        yield record.write(
            "mean_absolute_attribution",
            estimate,
            unit=answer.facts["unit"],
            column=column,
            random=True,
            artifacts=(artifact.name,),
        )
    yield from _gaps(plan, answer, described, levels, about)


def _targets(subject: Subject, frame: pd.DataFrame) -> list[str] | None:
    """The class that each row's attributions are about."""
    assert subject.model is not None
    predictor = subject.model.predictor
    if subject.task == "binary":
        return [predictor.classes[positive_position(subject)]] * len(frame)
    if subject.task != "multiclass":
        return None
    return [predictor.classes[i] for i in predictor.predict_proba(frame).argmax(axis=1)]


def _gaps(
    plan: _Plan, answer: Answer, described: Any, levels: Sequence[float], about: str
) -> Iterator[Finding]:
    import numpy as np

    from evenhand.audit.measure.attribution.quality import ratio
    from evenhand.audit.measure.uncertainty.estimate import undefined

    arrays, record = answer.arrays, plan.record
    gap = np.abs(arrays["gap"])
    n = len(gap)
    if np.isnan(gap).any():
        reason = because("attributions-in-other-unit", method=answer.facts["name"])
        for measure in ("completeness_gap", "relative_completeness_gap"):
            yield record.write(measure, undefined(reason, n=n, method=about), random=True)
        return
    if answer.facts["unit"] == "probability":
        unit = answer.facts["unit"]
        yield record.write("completeness_gap", described(gap), unit=unit, random=True)
    else:
        reason = because("attributions-in-unit", unit=answer.facts["unit"])
        yield record.without_value("completeness_gap", "not_applicable", reason)
    moved = np.abs(arrays["output"] - arrays["baseline_output"])
    empty = because("output-is-baseline")
    share = ratio(gap, moved, levels, empty=empty).by(about)
    yield record.write("relative_completeness_gap", share, unit="ratio", random=True)
