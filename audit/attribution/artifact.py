"""The attributions of a case as plain JSON, for reports and the dashboard to draw from.

``artifacts/explanation.attribution.json``; numbers have six digits, null is a missing number.

    schema              "evenhand-attributions/1"
    kind                "tabular", "image", "text" or "generation"
    name, method        the method's id, and one line for people
    unit, target, baseline      texts
    exact, complete     bools; see ``evenhand.audit.attribution.attribute``
    n, n_rows           rows explained, rows of the subject
    columns             [{column, mean_absolute, low, high, mean, share}], the strongest first: mean
                        |attribution| with its interval (null without one) and mean attribution
                        over the n rows; share of the sum of mean_absolute
    rows                what is drawn row by row, at most ``keep`` of the n rows:
        numbers         each row's place in the data file, from 1 (null where unknown)
        output, baseline_output, gap, target     a number each; target is the class, or null
  tabular:
    values              {column: [attribution of each kept row]}
    inputs              {column: [its cell: a number, a text, null for missing]}; {} if not kept
    numeric             [columns whose cells are numbers]
  text, generation:
    texts               [{words: [...], values: [...], continuation: text or null}], as ``rows``
    words               [{word, n, mean, mean_absolute}] over the n rows, words in lower case that
                        occur twice or more, the strongest 50 first
  image:
    height, width, colours
    maps                [{scale, levels: base64}], as ``rows``: levels are height x width signed
                        bytes, row by row; attribution = level / 127 * scale
    images              [base64 of height x width x colours bytes]; [] if not kept
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution.door import Answer
from evenhand.audit.data.cells import is_number
from evenhand.audit.measure.uncertainty.estimate import Estimate

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SCHEMA = "evenhand-attributions/1"
_MOST_WORDS = 50
_MOST_TEXT = 200  # characters of a cell


def attributions_json(
    answer: Answer,
    frame: pd.DataFrame,
    estimates: Sequence[tuple[str, Estimate, float]],
    *,
    n_rows: int,
    numbers: np.ndarray | None,
    targets: Sequence[str] | None,
    keep: int,
    keep_inputs: bool,
) -> dict[str, Any]:
    """``frame`` are the raw rows explained, in the order of ``answer``; ``estimates`` hold each
    column with its mean |attribution| and its mean attribution; ``numbers`` (n,) are the rows'
    places in the data file; ``targets`` the class of each row."""
    arrays, facts = answer.arrays, answer.facts
    n = len(frame)
    kept = range(min(n, keep))
    said = ("kind", "name", "method", "unit", "target", "baseline", "exact", "complete")
    rows: dict[str, Any] = {
        name: [number(arrays[name][i]) for i in kept]
        for name in ("output", "baseline_output", "gap")
    }
    rows["numbers"] = [None if numbers is None else int(numbers[i]) for i in kept]
    rows["target"] = [None if targets is None else targets[i] for i in kept]
    drawn = _DRAWN[facts["kind"]](answer, frame, kept, keep_inputs)
    return {
        "schema": SCHEMA,
        **{name: facts[name] for name in said},
        "n": n,
        "n_rows": n_rows,
        "columns": _columns(estimates),
        "rows": rows,
        **drawn,
    }


def number(value: Any) -> float | None:
    """Six significant digits; None for what is not finite.

    >>> number(0.123456789)
    0.123457
    """
    return float(f"{float(value):.6g}") if math.isfinite(float(value)) else None


def _columns(estimates: Sequence[tuple[str, Estimate, float]]) -> list[dict[str, Any]]:
    whole = sum(estimate.value or 0.0 for _, estimate, _ in estimates)
    lines = []
    for column, estimate, mean in estimates:
        value, interval = estimate.value or 0.0, estimate.interval
        lines.append(
            {
                "column": column,
                "mean_absolute": number(value),
                "low": number(interval.low) if interval else None,
                "high": number(interval.high) if interval else None,
                "mean": number(mean),
                "share": number(value / whole) if whole else None,
            }
        )
    return sorted(lines, key=lambda line: (-line["mean_absolute"], line["column"]))


def _table(found: Answer, frame: pd.DataFrame, kept: range, inputs: bool) -> dict[str, Any]:

    columns = found.facts["columns"]
    numeric = [c for c in columns if is_number(frame[c])]
    values = found.arrays["values"]
    return {
        "values": {c: [number(values[i, j]) for i in kept] for j, c in enumerate(columns)},
        "inputs": {c: [_cell(frame[c].iloc[i], c in numeric) for i in kept] for c in columns}
        if inputs
        else {},
        "numeric": numeric,
    }


def _cell(value: Any, is_number: bool) -> Any:
    import pandas as pd

    if value is None or pd.isna(value):
        return None
    return number(value) if is_number else str(value)[:_MOST_TEXT]


def _texts(found: Answer, frame: pd.DataFrame, kept: range, inputs: bool) -> dict[str, Any]:
    import numpy as np

    values, owners = found.arrays["word_values"], found.arrays["word_rows"]
    words = found.facts["words"]
    said = found.facts.get("continuations")
    ends = np.searchsorted(owners, np.arange(len(words) + 1))
    texts = [
        {
            "words": words[i],
            "values": [number(v) for v in values[ends[i] : ends[i + 1]]],
            "continuation": None if said is None else said[i],
        }
        for i in kept
    ]
    return {"texts": texts if inputs else [], "words": _strongest(words, values)}


def _strongest(words: list[list[str]], values: np.ndarray) -> list[dict[str, Any]]:
    import numpy as np

    by_word: dict[str, list[float]] = {}
    for word, value in zip((w for row in words for w in row), values, strict=True):
        by_word.setdefault(word.lower().strip(".,;:!?\"'()[]") or word, []).append(float(value))
    often = [(word, np.array(found)) for word, found in by_word.items() if len(found) > 1]
    often.sort(key=lambda pair: (-float(np.abs(pair[1]).mean()), pair[0]))
    return [
        {
            "word": word,
            "n": len(found),
            "mean": number(found.mean()),
            "mean_absolute": number(np.abs(found).mean()),
        }
        for word, found in often[:_MOST_WORDS]
    ]


def _maps(found: Answer, frame: pd.DataFrame, kept: range, inputs: bool) -> dict[str, Any]:
    import numpy as np

    maps = found.arrays["maps"]
    height, width = maps.shape[1:]
    cells = frame[found.facts["columns"][0]]
    lines = []
    for i in kept:
        scale = float(np.abs(maps[i]).max(initial=0.0))
        levels = np.zeros((height, width)) if scale == 0 else np.rint(maps[i] / scale * 127)
        packed = base64.b64encode(levels.astype(np.int8).tobytes()).decode()
        lines.append({"scale": scale, "levels": packed})
    images = [base64.b64encode(cells.iloc[i]).decode() for i in kept] if inputs else []
    colours = len(cells.iloc[0]) // (height * width) if len(cells) else 1
    return {"height": height, "width": width, "colours": colours, "maps": lines, "images": images}


_DRAWN = {"tabular": _table, "text": _texts, "generation": _texts, "image": _maps}
