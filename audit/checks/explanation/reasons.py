"""Which features keep a person's score below that of the reference applicant, and is that so?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.asking.applicants import Applicants, compared
from evenhand.audit.asking.copies import copies_of, read_as
from evenhand.audit.asking.stand_ins import StandIn
from evenhand.audit.attribution import reasons as core
from evenhand.audit.checks.record import Artifact, Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.measure.uncertainty.estimate import NO_ROWS
from evenhand.audit.reason import Reasons, because, named
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.measure.uncertainty.estimate import Estimate

QUESTION = "Do the principal reasons named for an adverse decision hold when they are tested?"
TASKS = frozenset({"binary"})
NEEDS = frozenset({"model"})
SOURCE = (
    "12 CFR 1002.9(b)(2) and commentary (principal reasons, at most four); Shapley 1953; "
    "Lundberg and Lee 2017; proxies: as data.proxies"
)
COST = "slow"
MEASURES = {
    "reason_fidelity": "mean over people refused of the share of their reasons for which setting "
    "that column alone to the reference applicant's value raises the score",
    "reason_fidelity_lift": "reason fidelity minus that of a random scored column that differs "
    "from the reference applicant's",
    "reason_score_lift": "how much more the score rises for a reason than for a random scored "
    "column that differs from the reference applicant's",
    "reason_stability": "mean overlap (Jaccard) of a person's reasons with those under tiny noise",
    "reason_share": "share of people refused for whom the column is a principal reason",
    "without_reason_rate": "share of people refused for whom no reason can be named",
    "proxy_reason_rate": "share of people refused with a proxy among their reasons",
    "sensitive_reason_rate": "share of people refused with a sensitive feature (or that of the "
    "column) among the four strongest; it is never named",
}
SCHEMA = "evenhand-reasons/1"
_TRACE = 1e-9  # a rise below it is rounding


@dataclass(frozen=True, eq=False)
class _Tested:
    """Of each person with reasons, shape (people,): share of reasons that raise the score, the
    same of a random scored column, and by how much more the score rises for a reason."""

    fidelity: np.ndarray
    by_chance: np.ndarray
    score_lift: np.ndarray


@dataclass(frozen=True, eq=False)
class _Sampled:
    """The sampled people refused with their reasons, and what is said of all findings."""

    people: Applicants
    chosen: np.ndarray
    frame: pd.DataFrame
    push: core.Push
    reasons: list[list[int]]
    rises: np.ndarray
    proxies: dict[str, StandIn]
    about: str
    place: dict[str, Any]


def measure(
    subject: Subject,
    *,
    seed: int,
    levels: Sequence[float],
    rows: int = 500,
    noise: float = 0.01,
    proxy_auc: float = 0.75,
    evaluations: int = 1_000_000,
    keep_people: bool = True,
) -> Iterator[Finding | Artifact]:
    """Yields the measures over ``rows`` sampled people refused, and how often each column is named.

    Reasons are ranked by Shapley values against the reference applicant (``reference_applicant``
    of the spec, else typical of the favourable decisions), at most four, never a sensitive feature.
    Stability: ``noise`` standard deviations on each number. A column is flagged as a proxy if it is
    declared one, or tells a group from all others with an area of at least ``proxy_auc``.
    ``keep_people`` keeps each sampled person's reasons (no values) in the case, by row number.
    """
    record = Recorder(__name__, seed)
    people = Applicants(subject)
    sampled = _sampled(people, record, rows, evaluations, proxy_auc)
    yield from _quality(record, sampled, levels)
    yield _stability(record, sampled, levels, noise, evaluations)
    yield from _counted(record, sampled, levels)
    yield record.artifact(_as_json(sampled, keep_people=keep_people))


def _sampled(
    people: Applicants, record: Recorder, rows: int, evaluations: int, proxy_auc: float
) -> _Sampled:
    chosen = people.sample_adverse(rows, record.seed)
    frame = people.frame(chosen)
    reference = people.reference
    push = _pushes(people, record, frame, evaluations)
    about = f"{len(chosen)} of {int((~people.is_favourable).sum())} people refused; {push.method}"
    return _Sampled(
        people,
        chosen,
        frame,
        push,
        core.ranked(push, people.may_be_named),
        core.rises(lambda f: people.ask(f)[1], frame, reference.row),
        people.stand_ins(record.seed, least_auc=proxy_auc),
        f"{about}; reference applicant: {reference.described}",
        {"random": True, "artifacts": (record.artifact(None).name,)},
    )


def _pushes(
    people: Applicants, record: Recorder, frame: pd.DataFrame, evaluations: int
) -> core.Push:
    return core.pushes(
        people.predictor,
        frame,
        people.reference.row,
        favourable_class=people.favourable_class,
        seed=record.stream("ranking")[1],
        evaluations=evaluations,
    )


def _stability(
    record: Recorder, sampled: _Sampled, levels: Sequence[float], noise: float, evaluations: int
) -> Finding:
    import numpy as np

    people = sampled.people
    everyone = people.frame(np.arange(people.subject.n))
    codes = getattr(people.predictor, "codes", ())
    moved = core.shaken(sampled.frame, everyone, noise, record.stream("noise"), codes)
    again = core.ranked(_pushes(people, record, moved, evaluations), people.may_be_named)
    same = [core.overlap(a, b) for a, b in zip(sampled.reasons, again, strict=True)]
    about = f"{sampled.about}; noise of {noise:g} standard deviations"
    found = _bounded(same, levels).by(about)
    return record.write("reason_stability", found, unit="share", **sampled.place)


def _quality(record: Recorder, sampled: _Sampled, levels: Sequence[float]) -> Iterator[Finding]:
    from evenhand.audit.measure.uncertainty.intervals import mean

    people, tested = sampled.people, _tested(sampled)
    reference = people.reference
    refused = because("reference-refused", score=reference.score)
    note = () if reference.is_favourable else refused
    place = sampled.place
    none = because("nobody-has-reason")
    test = f"{sampled.about}; tested by setting one column at a time to the reference"
    fidelity = _bounded(tested.fidelity, levels, empty=none).by(test)
    yield record.write("reason_fidelity", fidelity, unit="share", note=note, **place)
    chance = f"{test}; against a random scored column that differs from the reference"
    # A single scored column can't matter more than another.
    has_others = sum(people.may_be_named) > 1
    none = none if has_others else because("one-scored-column")
    lifts = tested.fidelity - tested.by_chance if has_others else tested.fidelity[:0]
    lift = mean(lifts, levels, empty=none)
    yield record.write("reason_fidelity_lift", lift.by(chance), unit="share", note=note, **place)
    rise = mean(tested.score_lift if has_others else lifts, levels, empty=none)
    yield record.write("reason_score_lift", rise.by(chance), unit="probability", note=note, **place)


def _counted(record: Recorder, sampled: _Sampled, levels: Sequence[float]) -> Iterator[Finding]:
    import numpy as np

    from evenhand.audit.measure.uncertainty.intervals import rate

    people, proxies, n = sampled.people, sampled.proxies, len(sampled.chosen)
    is_reason = np.zeros((n, len(people.columns)), dtype=bool)
    for i, own in enumerate(sampled.reasons):
        is_reason[i, own] = True

    def share(measure: str, k: int, **fields: Any) -> Finding:
        estimate = rate(k, n, levels, empty=because("nobody-refused")).by(sampled.about)
        return record.write(measure, estimate, **fields, **sampled.place)

    for j, column in enumerate(people.columns):
        if column in people.sensitive:
            continue
        note = because("proxy", why=proxies[column].why) if column in proxies else ()
        yield share("reason_share", int(is_reason[:, j].sum()), column=column, note=note)
    yield share("without_reason_rate", int((~is_reason.any(axis=1)).sum()))
    is_proxy = np.array([c in proxies for c in people.columns])
    names = named({c: proxies[c].why for c in sorted(proxies)})
    note = because("proxies", names=names) if proxies else because("no-proxy")
    yield share("proxy_reason_rate", int((is_reason & is_proxy).any(axis=1).sum()), note=note)
    is_sensitive = np.array([c in people.sensitive for c in people.columns])
    everyone = core.ranked(sampled.push, np.ones(len(people.columns), dtype=bool))
    among = sum(bool(is_sensitive[own].any()) for own in everyone)
    read = people.sensitive
    left_out = because("left-out-as-reasons", features=read)
    note = left_out if read else because("reads-no-sensitive-feature")
    yield share("sensitive_reason_rate", among, note=note)
    for feature in people.subject.sensitive_features:
        by = set(read_as(people.subject, feature))
        places = {j for j, column in enumerate(people.columns) if column in by}
        named_in = sum(bool(places.intersection(own)) for own in everyone)
        how = _read(people.subject, feature)
        yield share("sensitive_reason_rate", named_in, column=feature, note=how)


def _read(subject: Subject, feature: str) -> Reasons:
    """By which copies the model reads the feature; that it does not read it at all."""
    copied = copies_of(subject, feature)
    if copied:
        return because("read-by-copies", feature=feature, names=copied)
    return () if read_as(subject, feature) else because("reads-no-sensitive-feature")


def _tested(sampled: _Sampled) -> _Tested:
    import numpy as np

    people, rises = sampled.people, sampled.rises
    differs = core.differs(sampled.frame, people.reference.row) & people.may_be_named
    raised = rises > _TRACE
    fidelity, by_chance, lift = [], [], []
    for own, up, rise, others in zip(sampled.reasons, raised, rises, differs, strict=True):
        if own:
            fidelity.append(up[own].mean())
            by_chance.append(up[others].mean())
            lift.append(rise[own].mean() - rise[others].mean())
    return _Tested(np.array(fidelity), np.array(by_chance), np.array(lift))


def _bounded(values: Any, levels: Sequence[float], empty: Reasons = NO_ROWS) -> Estimate:
    import numpy as np

    from evenhand.audit.measure.uncertainty.bounded import bounded_mean

    return bounded_mean(np.asarray(values, dtype=float), levels, empty=empty)


def _as_json(sampled: _Sampled, *, keep_people: bool) -> dict[str, Any]:
    """What ``evenhand explain`` and reports read. No values of a person's columns are kept: only
    which columns were reasons, on which side of the reference, and how far they push."""
    people = sampled.people
    numbers = people.subject.row_numbers
    listed = []
    if keep_people and numbers is not None:
        listed = [
            {"row": int(numbers[row]), "reasons": [_reason(sampled, i, j) for j in own]}
            for i, (row, own) in enumerate(zip(sampled.chosen, sampled.reasons, strict=True))
        ]
    return {
        "schema": SCHEMA,
        "method": sampled.push.method,
        "reference": people.reference_json(),
        "sensitive": list(people.sensitive),
        "proxies": {c: asdict(p) for c, p in sampled.proxies.items()},
        "people": sorted(listed, key=lambda p: p["row"]),
    }


def _reason(sampled: _Sampled, i: int, j: int) -> dict[str, Any]:
    column = sampled.people.columns[j]
    reference = sampled.people.reference.row[column].iloc[0]
    return {
        "column": column,
        "push": round(float(sampled.push.values[i, j]), 6),
        "rise": round(float(sampled.rises[i, j]), 6),
        "compared": compared(sampled.frame[column].iloc[i], reference),
    }
