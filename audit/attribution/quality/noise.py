"""Rows that were changed on purpose: a little noise, or every column's cells under another name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_NORMAL = 1.3489795003921634  # interquartile range of the standard normal distribution
_RUN = 20  # words of like frequency that are exchanged among each other


def scales(everyone: pd.DataFrame, columns: Sequence[str]) -> dict[str, float]:
    """The scale of each column that noise may touch: its interquartile range over 1.349, which is
    the standard deviation of normal numbers and does not grow with a few huge ones.

    Texts, true or false, and codes of two values are left out, since no value lies between theirs;
    so are numbers half of whose cells are alike, for which no noise is tiny.
    """
    import numpy as np

    found = {}
    for name in columns:
        column = everyone[name]
        if not is_number(column):
            continue
        values = column.to_numpy(dtype=float, na_value=np.nan)
        known = values[np.isfinite(values)]
        if np.unique(known).size > 2:
            low, high = np.quantile(known, [0.25, 0.75])
            if high > low:
                found[name] = float(high - low) / _NORMAL
    return found


def with_noise(
    rows: pd.DataFrame, scale: dict[str, float], radius: float, draws: int, seed: Sequence[int]
) -> pd.DataFrame:
    """``rows`` ``draws`` times over, each number moved by up to ``radius`` of its column's scale.

    Uniform, as Captum's default perturbation. Missing cells stay missing. The first ``len(rows)``
    rows of the result are the first draw.
    """
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(list(seed))
    repeated = pd.concat([rows] * draws, ignore_index=True)
    for name, size in scale.items():
        noise = rng.uniform(-radius * size, radius * size, len(repeated))
        repeated[name] = repeated[name].to_numpy(dtype=float, na_value=np.nan) + noise
    return repeated


def derangement(columns: int, seed: Sequence[int]) -> np.ndarray:
    """A random order of columns in which none stays in its place: one cycle through all of them."""
    import numpy as np

    cycle = np.random.default_rng(list(seed)).permutation(columns)
    found = np.empty(columns, dtype=int)
    found[cycle] = np.roll(cycle, -1)
    return found


def exchanged(everyone: pd.DataFrame, columns: Sequence[str], order: np.ndarray) -> pd.DataFrame:
    """``everyone`` with each column holding, in its own cells, what another column says.

    Column j's cell becomes that cell of column j whose rank is the rank of the row's cell in column
    ``order[j]``: numbers by size, the rest by frequency, missing cells last. To a model that reads
    the result the two columns have changed places, while each column's values stay its own.
    """
    import numpy as np
    import pandas as pd
    from scipy.stats import rankdata

    keys = [_keys(everyone[c]) for c in columns]
    place = [(rankdata(k, method="average") - 1).astype(int) for k in keys]
    cells: dict[str, Any] = {}
    for j, name in enumerate(columns):
        ranked = everyone[name].iloc[np.argsort(keys[j], kind="stable")]
        cells[name] = ranked.iloc[place[order[j]]].reset_index(drop=True)
    return pd.DataFrame(cells)


def exchanged_words(texts: pd.Series[Any], seed: Sequence[int]) -> pd.Series[Any]:
    """The texts with every word read as another one: each time the same, no word as itself.

    Words by frequency (then by spelling) are cut into runs of ``_RUN``, and each run's words go
    round among themselves: a frequent word is read as a frequent one. The space around them stays.
    """
    import numpy as np
    import pandas as pd

    from evenhand.audit.attribution.kinds.texts import split

    cells = [str(t) if isinstance(t, str) else "" for t in texts]
    counts = Counter(word.strip() for text in cells for word in split(text))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    runs = [ranked[i : i + _RUN] for i in range(0, len(ranked), _RUN)]
    if len(runs) > 1 and len(runs[-1]) == 1:
        runs[-2:] = [runs[-2] + runs[-1]]
    other: dict[str, str] = {}
    for i, run in enumerate(runs):
        order = derangement(len(run), [*seed, i])
        other.update(zip(run, np.array(run, dtype=object)[order], strict=True))

    def read(word: str) -> str:
        own = word.strip()
        return word.replace(own, other[own], 1)

    moved = ["".join(read(word) for word in split(text)) for text in cells]
    return pd.Series(moved, index=texts.index, dtype=object)


def _keys(column: pd.Series[Any]) -> np.ndarray:
    import numpy as np
    import pandas as pd

    missing = column.isna().to_numpy(dtype=bool)
    if is_number(column):
        return np.where(missing, np.inf, column.to_numpy(dtype=float, na_value=np.nan))
    texts = column.map(str, na_action="ignore")
    counts = texts.value_counts()
    ranked = sorted(counts.index, key=lambda t: (-counts[t], t))
    codes = pd.Index(ranked).get_indexer(pd.Index(texts.fillna("")))
    return np.where(missing, float(len(ranked)), codes.astype(float))
