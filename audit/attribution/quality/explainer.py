"""Asks one model for explanations of rows, always in the same way, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.attribution.baselines import TYPICAL, typical_row
from evenhand.audit.attribution.door import Question, ask
from evenhand.audit.attribution.kinds.players import PARTS, Part, players_of
from evenhand.audit.attribution.request import AUTO, WITHOUT_GAP
from evenhand.audit.errors import InputError, MissingNeed
from evenhand.audit.models.predictor import Predictor
from evenhand.audit.reason import because

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Methods that draw: another seed gives other attributions. shapley_sampling enumerates small games.
DRAWING = frozenset({"gradient_shap", "shapley_sampling", "kernel_shap", "lime"})

_WIDTHS = ("half_width", "word_half_width")


@dataclass(frozen=True, eq=False)
class Explained:
    """``values`` (rows, parts) of the parts that are ``there``; ``output``, ``baseline_output`` and
    ``gap`` (rows,), in ``unit``; ``method`` and ``target`` in words. See ``players`` and
    ``evenhand.audit.attribution.attribute``."""

    values: np.ndarray
    there: np.ndarray
    output: np.ndarray
    baseline_output: np.ndarray
    gap: np.ndarray
    unit: str
    method: str
    target: str
    half_width: float = 0.0  # the widest of a method that draws

    @property
    def ignores_input(self) -> bool:
        """Whether nothing is attributed to any part of any row, and no output changes."""
        return not self.values.any() and not (self.output != self.baseline_output).any()

    @property
    def most(self) -> int:
        """How many parts the longest row has."""
        return int(self.there.sum(axis=1).max(initial=0))


def joined(parts: Sequence[Explained], rows: int) -> Explained:
    """The first ``rows`` rows of several explanations by one explainer, as one; its method is told
    as that of the least certain."""
    import numpy as np

    most = max(each.values.shape[1] for each in parts)

    def wide(grid: np.ndarray) -> np.ndarray:
        return np.pad(grid, ((0, 0), (0, most - grid.shape[1])))

    there = np.concatenate([wide(each.there) for each in parts])[:rows]
    kept = int(there.sum(axis=1).max(initial=0))
    least = max(parts, key=lambda each: each.half_width)
    return replace(
        least,
        values=np.concatenate([wide(each.values) for each in parts])[:rows, :kept],
        there=there[:, :kept],
        output=np.concatenate([each.output for each in parts])[:rows],
        baseline_output=np.concatenate([each.baseline_output for each in parts])[:rows],
        gap=np.concatenate([each.gap for each in parts])[:rows],
    )


class Explainer:
    """Explains rows of one model by one method, target and baseline.

    The baseline is the network's own, else the typical row of ``everyone``: the same one for all
    that is asked; words are taken out. ``part`` says what rows are explained by. ``words`` explains
    a text column word by word. ``evaluations`` bounds what one question of Shapley sampling may
    cost.
    """

    def __init__(
        self,
        predictor: Predictor,
        everyone: pd.DataFrame,
        *,
        target: int | None,
        method: str,
        seed: int,
        evaluations: int,
        words: bool = False,
    ) -> None:
        can = ask(predictor, Question("capabilities", {"words": words})).facts
        self._predictor = predictor
        self.kind, self._words = str(can["kind"]), words
        self.columns = tuple(predictor.input_columns)
        self.codes = frozenset(getattr(predictor, "codes", ()))
        self.offered: tuple[str, ...] = tuple(can["methods"])
        if not self.offered:
            raise MissingNeed(because("no-method-explains"))
        self.is_linear = bool(can["linear"])
        self.name = self.offered[0] if method == AUTO else method
        if self.name not in self.offered:
            raise InputError(
                "method {method!r} does not explain this model",
                remedy="use auto or one of: {offered}",
                method=method,
                offered=", ".join(self.offered),
            )
        if self.name in WITHOUT_GAP:
            raise InputError(
                "attributions by {name} are not in the unit of the output",
                remedy="its quality can't be measured: use another method",
                name=self.name,
            )
        self._seed = seed % 2**31
        self._target, self._evaluations = target, evaluations
        self.has_weights = self.name in can["weighed"]
        own = bool(can["gradients"]) or not self.is_tabular
        self._baseline = None if own else typical_row(everyone, self.columns)

    @property
    def part(self) -> Part:
        """What rows are explained by."""
        return PARTS[self.kind]

    @property
    def is_tabular(self) -> bool:
        """Whether the parts are columns, which mean the same in every row."""
        return self.part is PARTS["tabular"]

    def usual(self, rows: int) -> int:
        """As many rows as cost about what ``rows`` of a table do."""
        return max(1, int(rows * self.part.share))

    @property
    def draws(self) -> bool:
        """Whether another seed gives other attributions."""
        return self.name in DRAWING

    @property
    def baseline(self) -> pd.DataFrame | None:
        """The baseline as one raw row; None where it is the network's own, in encoded space."""
        return self._baseline

    def other_method(self) -> str | None:
        """Another method that asks the model in its own way, to hold the first against."""
        known = ("shapley_exact", "feature_ablation", "shapley_sampling")
        others = (m for m in known if m in self.offered and m != self.name)
        return next((m for m in others if self._affords(m)), None)

    def _affords(self, method: str) -> bool:
        return method != "shapley_exact" or (self.is_tabular and len(self.columns) <= 8)

    def attribute(
        self,
        rows: pd.DataFrame,
        *,
        method: str | None = None,
        seed: int | None = None,
        output: str = "",
        baseline: pd.DataFrame | None = None,
        evaluations: int | None = None,
    ) -> Explained:
        """The explanation of ``rows``, raw columns; what is not given is the explainer's own."""
        options = self._options(method, seed)
        options |= {"output": output} if output else {}
        options |= {} if evaluations is None else {"evaluations": evaluations}
        found = ask(self._predictor, Question("attribute", options, self._frames(rows, baseline)))
        arrays, facts, parts = found.arrays, found.facts, players_of(self.kind, found)
        widths = [float(arrays[n].max(initial=0.0)) for n in _WIDTHS if n in arrays]
        return Explained(
            values=parts.values,
            there=parts.there,
            output=arrays["output"],
            baseline_output=arrays["baseline_output"],
            gap=arrays["gap"],
            unit=str(facts["unit"]),
            method=str(facts["method"]),
            target=str(facts["target"]),
            half_width=max(widths, default=0.0),
        )

    def hidden(self, rows: pd.DataFrame, absent: np.ndarray) -> np.ndarray:
        """Outputs (rows, k) with the parts at the baseline that ``absent`` marks: bool of shape
        (rows, k, parts), or (k, parts) for all rows alike."""
        import numpy as np
        import pandas as pd

        each = np.broadcast_to(absent, (len(rows), *absent.shape[-2:]))
        lines = pd.DataFrame(each.reshape(-1, each.shape[-1]))
        lines.columns = lines.columns.map(str)
        frames = {**self._frames(rows, None), "hidden": lines}
        options = {"target": self._target, "words": self._words}
        return ask(self._predictor, Question("hidden", options, frames)).arrays["outputs"]

    def randomised(self, rows: pd.DataFrame, stream: Sequence[int]) -> tuple[np.ndarray, str]:
        """Values (rows, parts) of the model with all weights shuffled, or, where the method asks no
        weights, of one that reads every input as another; and which of the two it was."""
        if self.has_weights:
            values, layers = self.with_weights_shuffled(rows, seed=stream[0] ^ stream[1], stages=1)
            return values[0], f"weights of all layers shuffled, {sum(map(len, layers))} layers"
        if self.is_tabular:
            how = "no weights to shuffle: inputs exchanged, each column read as another by rank"
            return self.with_inputs_exchanged(rows, stream), how
        how = "no weights to shuffle: every word of the rows read as another one, by frequency"
        return self.with_words_exchanged(rows, stream), how

    def with_weights_shuffled(
        self, rows: pd.DataFrame, *, seed: int, stages: int
    ) -> tuple[np.ndarray, list[list[str]]]:
        """Values (stages, rows, parts) and the layers of each stage; see ``quality_randomised``."""
        import numpy as np

        from evenhand.audit.attribution.quality.randomised import at_stage

        options = {**self._options(None, seed), "stages": stages}
        found = ask(self._predictor, Question("randomised", options, self._frames(rows, None)))
        layers: list[list[str]] = found.facts["layers"]
        parts = [players_of(self.kind, at_stage(found, i)).values for i in range(len(layers))]
        return np.stack(parts), layers

    def with_words_exchanged(self, rows: pd.DataFrame, stream: Sequence[int]) -> np.ndarray:
        """Values (rows, words) of a model that reads every word as another one."""
        from evenhand.audit.attribution.quality.noise import exchanged_words

        moved = {self.columns[0]: exchanged_words(rows[self.columns[0]], stream)}
        return self.attribute(rows.assign(**moved)).values

    def with_inputs_exchanged(self, rows: pd.DataFrame, stream: Sequence[int]) -> np.ndarray:
        """Values (rows, columns) of a model that reads every column as if it were another one.

        For models without weights: see ``quality_noise.exchanged``. What the model makes of an
        input counts for the column that was read in its place.
        """
        import numpy as np
        import pandas as pd

        from evenhand.audit.attribution.quality.noise import derangement, exchanged

        assert self._baseline is not None
        order = derangement(len(self.columns), stream)
        both = pd.concat([rows[list(self.columns)], self._baseline], ignore_index=True)
        moved = exchanged(both, self.columns, order)
        found = self.attribute(moved.iloc[:-1], baseline=moved.iloc[[-1]].reset_index(drop=True))
        values = np.empty_like(found.values)
        values[:, order] = found.values
        return values

    def _options(self, method: str | None, seed: int | None) -> dict[str, Any]:
        own = {} if self._baseline is None else {"baseline_name": TYPICAL}
        return {
            "method": method or self.name,
            "target": self._target,
            "seed": self._seed if seed is None else seed % 2**31,
            "evaluations": self._evaluations,
            "words": self._words,
            **own,
        }

    def _frames(self, rows: pd.DataFrame, baseline: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
        own = self._baseline if baseline is None else baseline
        frames = {"rows": rows[list(self.columns)].reset_index(drop=True)}
        return frames if own is None else {**frames, "baseline": own}
