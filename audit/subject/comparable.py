"""Whether the groups of the features named can be compared: two at least, and no more than a case
can say something of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.grouping import group_names
from evenhand.audit.data.written.bins import Bins
from evenhand.audit.errors import InputError
from evenhand.audit.subject.spec import SubjectSpec
from evenhand.audit.subject.tallying.counts import feature_sets

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Of all features and crossings. An audit writes some 21 kB of findings a group, and a case's
# findings are read up to 64 MiB (``evenhand.audit.files.bounded``).
MOST_GROUPS = 2500


def too_few_groups(feature: str, known: Sequence[str], source: str) -> InputError:
    """The error for a sensitive feature whose rows are all of one group, or of none."""
    shown = repr(known[0]) if known else "none"
    return InputError(
        "sensitive feature {feature!r} of {source} has fewer than two groups: {shown}",
        remedy="there is nothing to compare; name another feature, or other rows",
        feature=feature,
        source=source,
        shown=shown,
    )


def require_few_groups(groups: pd.DataFrame, features: Sequence[str], source: str) -> None:
    """Raises InputError where ``features`` make more groups, with their crossings, than a case can
    hold findings of: before an hour is spent on measuring them. ``groups`` are rows, or the
    distinct crossings, as texts."""
    if not features:
        return
    distinct = groups[list(features)].drop_duplicates()
    total = 0
    for crossed in feature_sets(features):
        n = len(distinct[list(crossed)].drop_duplicates())
        total += n
        if total > MOST_GROUPS:
            alone = {f: distinct[f].nunique() for f in features}
            named = ", ".join(f"{f!r} with {k:,} values" for f, k in alone.items())
            most = max(alone, key=lambda f: alone[f])
            raise InputError(
                "the sensitive features of {source} ({named}) make more than {most_groups:,} "
                "groups and crossings: each would have findings of its own, of a handful of rows",
                remedy="put the values of {most!r} into bins, or name another column, or fewer "
                "columns at once",
                source=source,
                named=named,
                most_groups=MOST_GROUPS,
                most=most,
            )


def group_columns(
    frame: pd.DataFrame, spec: SubjectSpec, source: str, bins: Mapping[str, Bins]
) -> pd.DataFrame:
    """The groups of each sensitive and control feature as texts, rows as in ``frame``.

    Raises InputError for a feature without names, and a sensitive one with fewer than two groups (a
    cohort may well be of one).
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for feature in spec.features:
        if frame[feature].map(lambda v: isinstance(v, bytes)).any():
            raise InputError(
                "feature {feature!r} of {source} holds bytes that are no UTF-8 text",
                remedy="write its groups as text: nobody could read their names",
                feature=feature,
                source=source,
            )
        names, unknown = _names(frame, feature, spec, bins)
        known = sorted(set(names[~unknown]))
        if len(known) < 2 and feature in spec.sensitive_features and spec.cohort is None:
            raise too_few_groups(feature, known, source)
        columns[feature] = names
    groups = pd.DataFrame(columns, index=frame.index, dtype=object)
    require_few_groups(groups, spec.sensitive_features, source)
    return groups


def groups_of_known(
    frame: pd.DataFrame, spec: SubjectSpec, bins: Mapping[str, Bins]
) -> pd.DataFrame:
    """The groups of further rows as texts, however few there are."""
    import pandas as pd

    columns = {feature: _names(frame, feature, spec, bins)[0] for feature in spec.features}
    return pd.DataFrame(columns, index=frame.index, dtype=object)


def _names(
    frame: pd.DataFrame, feature: str, spec: SubjectSpec, bins: Mapping[str, Bins]
) -> tuple[np.ndarray, np.ndarray]:
    return group_names(frame[feature], feature, spec, frame.columns, bins.get(feature))
