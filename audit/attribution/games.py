"""A model's output when only some of a row's features are present: what perturbation methods ask.

The features ("players") are raw columns, patches of an image or words of a text. A feature that is
absent has its baseline's value. Every game is asked in batches within a limit in bytes, and counts
the rows that it scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from evenhand.audit.attribution.memory import (
    MOST_FRAME_ROWS,
    MOST_TENSOR_ROWS,
    batch_of,
    chunks,
    frame_bytes,
    gradient_bytes,
)
from evenhand.audit.attribution.output import Output
from evenhand.audit.models.predictor import Gradients, Predictor

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Game(Protocol):
    """``n`` rows, each with the players that ``active`` (n, players) marks: those whose presence
    can make a difference. The others are never anything but present, or never there."""

    active: np.ndarray
    evaluations: int

    def values(self, rows: np.ndarray, present: np.ndarray) -> np.ndarray:
        """The output for row ``rows[i]`` with the players ``present[i]``: ints of shape (m,) and
        bools (m, players) to float64 (m,)."""
        ...


class FrameGame:
    """Raw columns of any model: an absent one has the cell of the one-row ``baseline``."""

    def __init__(
        self,
        predictor: Predictor,
        output: Output,
        rows: pd.DataFrame,
        baseline: pd.DataFrame,
        memory_bytes: int,
    ) -> None:
        import numpy as np

        self._predictor, self._output = predictor, output
        self._columns = list(predictor.input_columns)
        self._n = len(rows)
        self._cells = {c: _stacked(rows[c], baseline[c]) for c in self._columns}
        self.active = np.column_stack([_differs(self._cells[c], self._n) for c in self._columns])
        self.evaluations = 0
        self._batch = 1
        if self._n:
            where = np.arange(min(64, self._n))
            probe = self._mixed(where, np.ones((len(where), len(self._columns)), dtype=bool))
            # The probe repeats rows, whose targets are then of no matter.
            spent = frame_bytes(lambda f: scores(predictor, f), probe, model=predictor)
            masks = 3.0 * len(self._columns)
            self._batch = batch_of(spent + masks, memory_bytes, MOST_FRAME_ROWS)

    def values(self, rows: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See ``Game``. Raises InputError where the output isn't finite."""
        import numpy as np

        scores = [np.zeros(0)]
        for part in chunks(len(rows), self._batch):
            frame = self._mixed(rows[part], present[part])
            scores.append(self._output.of_model(self._predictor, frame, rows[part]))
        self.evaluations += len(rows)
        return np.concatenate(scores)

    def _mixed(self, rows: np.ndarray, present: np.ndarray) -> pd.DataFrame:
        import numpy as np
        import pandas as pd

        cells = {}
        for j, column in enumerate(self._columns):
            take = np.where(present[:, j], rows, self._n)
            cells[column] = self._cells[column].take(take)
        return pd.DataFrame(cells, copy=False)


def scores(predictor: Predictor, frame: pd.DataFrame) -> Any:
    """What the model gives for raw rows: class scores or values."""
    if predictor.task == "regression":
        return predictor.predict_values(frame)
    return predictor.predict_proba(frame)


def _stacked(column: pd.Series[Any], baseline: pd.Series[Any]) -> Any:
    """The cells of a column with the baseline's cell last, in the column's type if that holds it.

    Numbers become a NumPy array, whose ``take`` is many times quicker than that of a Series.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype) and baseline.dtype != column.dtype:
        known = baseline.astype("object").isin(column.cat.categories) | baseline.isna()
        baseline = baseline.astype(column.dtype) if known.all() else baseline
        column = column if known.all() else column.astype("object")
    both = baseline if column.empty else pd.concat([column, baseline], ignore_index=True)
    return both.to_numpy() if _plain(both) else both.array


def _plain(column: pd.Series[Any]) -> bool:
    import numpy as np

    return isinstance(column.dtype, np.dtype) and column.dtype != object


def _differs(cells: Any, n: int) -> np.ndarray:
    """Whether each cell but the last differs from the last; two missing cells don't."""
    import numpy as np
    import pandas as pd

    series = pd.Series(cells).reset_index(drop=True)
    missing = series.isna().to_numpy(dtype=bool)
    if missing[n]:
        return ~missing[:n]
    same = (series.iloc[:n] == series.iloc[n]).fillna(False).to_numpy(dtype=bool)
    return np.asarray(~same | missing[:n])


class EncodedGame:
    """Groups of positions of a network's encoded inputs: the raw columns that they came from, or
    the patches of an image. ``players[j]`` says whose flat position j is."""

    def __init__(
        self,
        gradients: Gradients,
        output: Output,
        rows: pd.DataFrame,
        baseline: np.ndarray,
        players: Sequence[int] | np.ndarray,
        memory_bytes: int,
    ) -> None:
        import numpy as np
        import torch

        self._module, self._output = gradients.module, output
        encoded = np.ascontiguousarray(gradients.encode(rows), dtype=np.float32)
        self._shape = encoded.shape[1:]
        self._device = device_of(gradients.module)
        flat = encoded.reshape(len(encoded), -1)
        base = np.asarray(baseline, dtype=np.float32).reshape(1, -1)
        self._rows = torch.from_numpy(flat).to(self._device)
        self._base = torch.from_numpy(base).to(self._device)
        self._players = torch.as_tensor(np.asarray(players), device=self._device)
        n_players = int(np.max(players)) + 1
        differs = flat != base
        self.active = np.stack(
            [differs[:, np.asarray(players) == j].any(axis=1) for j in range(n_players)], axis=1
        )
        self.evaluations = 0
        spent = gradient_bytes(gradients.module, self._rows[:8].reshape(-1, *self._shape))
        self._batch = batch_of(spent, memory_bytes, MOST_TENSOR_ROWS)

    def values(self, rows: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See ``Game``."""
        import numpy as np
        import torch

        scores = np.empty(len(rows))
        # Each player's positions are its own column alone: then the mask needs no spreading out.
        plain = len(self._players) == present.shape[1]
        with torch.inference_mode():
            for part in chunks(len(rows), self._batch):
                index = torch.from_numpy(rows[part]).to(self._device)
                mask = torch.from_numpy(present[part]).to(self._device)
                mask = mask if plain else mask.index_select(1, self._players)
                mixed = torch.where(mask, self._rows.index_select(0, index), self._base)
                outputs = self._module(mixed.reshape(-1, *self._shape)).double()
                scores[part] = self._output.of_logits(outputs, index).cpu().numpy()
        self.evaluations += len(rows)
        return scores


def device_of(module: Any) -> Any:
    """Where a module's weights are; the processor for what has none."""
    import torch

    parameters = getattr(module, "parameters", None)
    first = next(iter(parameters()), None) if callable(parameters) else None
    return torch.device("cpu") if first is None else first.device
