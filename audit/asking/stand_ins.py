"""Input columns that stand in for a sensitive feature: declared, or found in the audited rows."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from evenhand.audit.finding import UNKNOWN
from evenhand.audit.reason import Reasons, because
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class StandIn:
    """Why a column is a proxy: declared (``feature`` is ""), or what it tells how well."""

    feature: str = ""
    group: str = ""
    auc: float | None = None

    @property
    def why(self) -> Reasons:
        """As a reason."""
        if self.auc is None:
            return because("proxy-declared")
        return because("proxy-tells", feature=self.feature, group=self.group, auc=self.auc)


_ROWS = 2000  # of the sample in which proxies are looked for, as data.proxies
_known: WeakKeyDictionary[Subject, dict[tuple[int, float, int], dict[str, StandIn]]]
_known = WeakKeyDictionary()


def subject_stand_ins(
    subject: Subject, *, seed: int, least_auc: float, rows: int = _ROWS
) -> dict[str, StandIn]:
    """``stand_ins`` among a model's inputs but the sensitive features, sought in ``rows`` random
    rows. All checks with one ``seed`` find the same, which is kept as long as the subject is."""
    assert subject.model is not None
    kept = _known.setdefault(subject, {})
    key = (seed, least_auc, rows)
    if key not in kept:

        def stream(name: str) -> tuple[int, int]:
            return seed, zlib.crc32(f"stand-ins/{name}".encode())

        features = list(subject.sensitive_features)
        columns = [c for c in subject.model.predictor.input_columns if c not in features]
        chosen = sample(subject, rows, stream("sample"))
        kept[key] = stand_ins(
            subject.frame.iloc[chosen][columns],
            subject.groups.iloc[chosen][features],
            subject.proxies,
            stream,
            least_auc=least_auc,
        )
    return kept[key]


def stand_ins(
    inputs: pd.DataFrame,
    groups: pd.DataFrame,
    declared: Sequence[str],
    stream: Callable[[str], Sequence[int]],
    *,
    least_auc: float,
    level: float = 0.95,
    bins: int = 10,
) -> dict[str, StandIn]:
    """Column of ``inputs`` -> why it is a proxy: declared, or it tells some group of ``groups``
    from all others with an area under the ROC curve whose lower bound is at least ``least_auc``.

    The area is that of ``data.proxies``: a predictor that learned each level's share of the group
    on one random half, asked about the other. ``stream(name)`` seeds each pair's halves.
    """
    import numpy as np

    from evenhand.audit.measure.dependence import foretell, levels_of
    from evenhand.audit.measure.ranking import roc_auc

    by_column = {}
    for column in (str(c) for c in inputs.columns):
        if column in declared:
            by_column[column] = StandIn()
            continue
        codes = levels_of(inputs[column], bins)
        strongest = least_auc
        for feature in groups.columns:
            names = groups[feature].to_numpy()
            kept = np.asarray(names != UNKNOWN)  # they may be of any group
            # by first row, not by name: renaming a group changes names alone
            for name in dict.fromkeys(names[kept]):
                member = np.asarray(names[kept] == name)
                told = foretell(codes[kept], member, stream(f"{column}/{feature}"))
                area = roc_auc(told.is_member, told.share, (level,))
                if area.value is None or area.interval is None or area.interval.low < strongest:
                    continue
                strongest = area.interval.low
                by_column[column] = StandIn(str(feature), str(name), round(area.value, 6))
    return by_column
