"""From a subject to explanations of its rows: which class, which baseline, which rows."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from evenhand.audit.attribution.quality.explainer import Explained, Explainer, joined
from evenhand.audit.checks.needs import predictor_of, require
from evenhand.audit.data.table import match_label
from evenhand.audit.errors import rows_of_file
from evenhand.audit.finding import UNKNOWN
from evenhand.audit.reason import Reasons, because, listed
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

IGNORED = because("model-ignores-input")


@dataclass(frozen=True, eq=False)
class GroupsExplained:
    """Rows of every group of every single sensitive feature, explained once for all.

    ``found`` is of ``frame``; ``everyone`` holds positions in it of a plain random sample,
    ``groups`` those of each feature's groups (``rows`` of them at most), ``sizes`` how many audited
    rows each group has.
    """

    explainer: Explainer
    frame: pd.DataFrame
    found: Explained
    everyone: np.ndarray
    rows: int
    groups: Mapping[str, Mapping[str, np.ndarray]]
    sizes: Mapping[str, Mapping[str, int]]

    def big(self, feature: str, min_group_size: int) -> dict[str, np.ndarray]:
        """The known groups of ``feature`` that are large enough to be compared."""
        sizes = self.sizes[feature]
        groups = self.groups[feature]
        return {n: at for n, at in groups.items() if sizes[n] >= min_group_size and n != UNKNOWN}

    def note(self, group: Mapping[str, str], min_group_size: int) -> Reasons:
        """What is said beside a group (one feature, or none) that is too small to compare."""
        sizes = [self.sizes[feature][name] for feature, name in group.items()]
        if not sizes or sizes[0] >= min_group_size:
            return ()
        return because("too-small", n=sizes[0], least=min_group_size)

    def left_out(self, feature: str, min_group_size: int) -> Reasons:
        """The groups that a gap leaves out, named, and how many rows have no known group."""
        sizes = self.sizes[feature]
        unknown = sizes.get(UNKNOWN, 0)
        small = sorted(
            n for n in self.groups[feature] if sizes[n] < min_group_size and n != UNKNOWN
        )
        said: Reasons = ()
        if small:
            said += because("small-groups-left-out", least=min_group_size, names=listed(small))
        return said + because("unknown-not-compared", n=unknown) if unknown else said


@dataclass(frozen=True, eq=False)
class SampleExplained:
    """``found`` explains ``frame``, random rows, by ``explainer``."""

    explainer: Explainer
    frame: pd.DataFrame
    found: Explained


_BLOCK = 100  # table rows explained at once, whatever a check asks for
_samples: WeakKeyDictionary[Subject, dict[tuple[str, int, int], list[Explained]]]
_samples = WeakKeyDictionary()
_groups: WeakKeyDictionary[Subject, dict[tuple[str, int, int, int], GroupsExplained]]
_groups = WeakKeyDictionary()


def explainer_of(
    subject: Subject, *, method: str, stream: tuple[int, int], evaluations: int
) -> Explainer:
    """Explains the positive label's probability, the predicted class's (multiclass), the value, or
    the log probability of a generator's own continuation.

    ``method`` is "auto" or one that the model offers; ``stream`` seeds what draws. Raises
    MissingNeed without a model, and where no method explains it.
    """
    predictor = predictor_of(subject)
    return Explainer(
        predictor,
        subject.frame,
        target=positive_position(subject) if subject.task == "binary" else None,
        method=method,
        seed=stream[0] ^ stream[1],
        evaluations=evaluations,
        words=is_prose(subject, predictor.input_columns),
    )


def is_prose(subject: Subject, columns: Sequence[str]) -> bool:
    """Whether the model reads one column of texts whose cells are mostly of three words or more."""
    from evenhand.audit.data.table import texts

    if len(columns) != 1 or subject.task == "generation":
        return False
    cells = subject.frame[columns[0]]
    if cells.dtype.kind in "biufc" or any(isinstance(cell, bytes) for cell in cells.head(1)):
        return False
    found, missing = texts(cells.head(1000))
    counts = [len(str(text).split()) for text in found[~missing]]
    return sum(count >= 3 for count in counts) > len(counts) / 2


def explained_sample(
    subject: Subject, *, method: str, rows: int, usual: int, seed: int, evaluations: int
) -> SampleExplained:
    """``rows`` random rows explained; 0 are as many as cost what ``usual`` rows of a table do.

    Rows are explained in blocks that are the same for whoever asks, and kept as long as the subject
    is: checks that ask about fewer rows get the first of those of the others, at no further cost.
    ``evaluations`` bounds what all ``rows`` may cost. Raises MissingNeed as ``explainer_of``.
    """
    import numpy as np

    stream = (seed, zlib.crc32(b"explanation sample"))
    explainer = explainer_of(subject, method=method, stream=stream, evaluations=evaluations)
    order = sample(subject, subject.n, stream)
    drawn = np.random.default_rng(list(stream)).permutation(order)
    rows = min(rows or explainer.usual(usual), subject.n)
    size = explainer.usual(_BLOCK)
    each = max(1, evaluations * size // max(1, rows))
    known = _samples.setdefault(subject, {}).setdefault((explainer.name, seed, each), [])
    while len(known) * size < rows:
        block = len(known)
        these = drawn[block * size : (block + 1) * size]
        own_seed = stream[0] ^ stream[1] ^ block
        with rows_of_file(subject.numbers_at(these)):
            known.append(
                explainer.attribute(subject.frame.iloc[these], seed=own_seed, evaluations=each)
            )
    frame = subject.frame.iloc[drawn[:rows]].reset_index(drop=True)
    return SampleExplained(explainer, frame, joined(known, rows))


def positive_position(subject: Subject) -> int:
    """The position of the positive label in the model's classes."""
    assert subject.model is not None
    classes = subject.model.predictor.classes
    return classes.index(str(match_label(str(subject.truth.positive), classes)))


def answers_of(subject: Subject) -> np.ndarray | None:
    """The true class of each row as a position in the model's classes, or the true values, of shape
    (n,); None where there are none."""
    import numpy as np
    import pandas as pd

    truth = subject.truth
    if subject.task == "regression":
        return truth.values
    if truth.labels is None or subject.model is None:
        return None
    if subject.task == "binary":
        positive = positive_position(subject)
        found: np.ndarray = np.where(truth.labels == truth.positive, positive, 1 - positive)
        return found
    classes = pd.Index(subject.model.predictor.classes)
    return np.asarray(classes.get_indexer(pd.Index(truth.labels)))


def explained_groups(
    subject: Subject, *, method: str, rows: int, seed: int, evaluations: int
) -> GroupsExplained:
    """Up to ``rows`` random rows of each group of each sensitive feature, and of all, explained; 0
    are as many as cost what a hundred rows of a table do.

    Kept as long as the subject is, so that the checks that ask share the cost and the rows. Raises
    MissingNeed without sensitive features, or where there is nothing that can be explained.
    """
    require(subject, "sensitive_features")
    kept = _groups.setdefault(subject, {})
    key = (method, rows, seed, evaluations)
    if key not in kept:
        stream = (seed, zlib.crc32(b"explanation by group"))
        explainer = explainer_of(subject, method=method, stream=stream, evaluations=evaluations)
        each = rows or explainer.usual(_BLOCK)
        kept[key] = _explain_groups(subject, explainer, each, stream)
    return kept[key]


def _explain_groups(
    subject: Subject, explainer: Explainer, rows: int, stream: tuple[int, int]
) -> GroupsExplained:
    import numpy as np

    order = sample(subject, subject.n, stream)
    drawn = np.random.default_rng(list(stream)).permutation(order)
    picked: dict[str, dict[str, np.ndarray]] = {}
    sizes: dict[str, dict[str, int]] = {}
    for feature in subject.sensitive_features:
        names = subject.groups[feature].to_numpy()[drawn]
        # by first row drawn, not by name: renaming a group must change names alone
        known = [str(n) for n in dict.fromkeys(names)]
        picked[feature] = {name: drawn[names == name][:rows] for name in known}
        sizes[feature] = {name: int((names == name).sum()) for name in known}
    wanted = [drawn[:rows], *(p for groups in picked.values() for p in groups.values())]
    union = drawn[np.isin(drawn, np.concatenate(wanted))]
    at = np.full(subject.n, -1)
    at[union] = np.arange(len(union))
    frame = subject.frame.iloc[union].reset_index(drop=True)
    with rows_of_file(subject.numbers_at(union)):
        found = explainer.attribute(frame)
    return GroupsExplained(
        explainer=explainer,
        frame=frame,
        found=found,
        everyone=at[drawn[:rows]],
        rows=rows,
        groups={f: {n: at[p] for n, p in groups.items()} for f, groups in picked.items()},
        sizes=sizes,
    )
