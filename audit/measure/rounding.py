"""How far two computations of one number may lie apart by rounding alone, by their precision.

Source: Higham and Mary 2019, "A new approach to probabilistic rounding error analysis", theorem
2.4: after n roundings in a row the error is of the order of sqrt(n) u, with u the unit roundoff.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_FEW = 32  # distinct answers below which nothing is said about their precision


@dataclass(frozen=True)
class Precision:
    """A floating point format: ``bits`` of significand, and how many roundings are in a row.

    Narrow formats are added up in float32 and rounded once a layer; in float32 every addition of
    an inner product rounds.
    """

    name: str
    bits: int
    roundings: int

    @property
    def tolerance(self) -> float:
        """The largest relative difference of two computations that rounding explains."""
        return float(2 * self.roundings**0.5 * 2.0**-self.bits)


BFLOAT16 = Precision("bfloat16", 8, 1 << 6)
FLOAT16 = Precision("float16", 11, 1 << 6)
FLOAT32 = Precision("float32", 24, 1 << 20)  # a hundred layers of 10,000 additions


def significant_bits(values: np.ndarray) -> np.ndarray:
    """Bits of significand that each finite float64 needs, int of the same shape; 0 needs none.

    >>> import numpy as np
    >>> significant_bits(np.array([0.0, 1.0, 0.75, 5.0, 0.1])).tolist()
    [0, 1, 2, 3, 52]
    """
    import numpy as np

    whole = (np.frexp(np.abs(values))[0] * 2.0**53).astype(np.int64)
    lowest = np.frexp((whole & -whole).astype(float))[1] - 1
    return np.where(whole == 0, 0, 53 - lowest)


def precision_of(answers: np.ndarray, *, are_probabilities: bool) -> Precision:
    """The precision that answers of shape (n,) were computed in, as far as they show it.

    Answers on the grid of a narrow format, or probabilities whose log-odds lie on it (a softmax in
    float64 of narrow logits), are narrow. Any others count as float32: a float64 does not tell
    what it was made of.
    """
    import numpy as np

    known = answers[np.isfinite(answers) & (answers != 0)]
    shown = [known]
    if are_probabilities:
        inside = known[(known > 1e-4) & (known < 1 - 1e-4)]
        log_odds = np.log(inside) - np.log1p(-inside)
        # The softmax's own rounding lies below the last bit of a float32.
        shown.append(log_odds.astype(np.float32).astype(float))
    for narrow in (BFLOAT16, FLOAT16):
        if any(_on_grid(values, narrow.bits) for values in shown):
            return narrow
    return FLOAT32


def _on_grid(values: np.ndarray, bits: int) -> bool:
    """Whether values lie on a floating point grid of ``bits`` bits, or are differences of such.

    Half of the differences of two such numbers need one bit more, hardly any over six. Multiples
    of one step (votes of 64 trees, whole numbers) are no floating point grid: there small values
    have finer steps than large ones.
    """
    import numpy as np

    if np.unique(values).size < _FEW:
        return False
    needed = significant_bits(values)
    if np.median(needed) > bits + 1 or (needed > bits + 6).mean() > 0.05:
        return False
    size = np.abs(values)
    step = 2.0 ** (np.frexp(size.max())[1] - bits)
    has_finer = (np.mod(values, step) != 0).mean() > 0.1
    small = needed[size <= np.quantile(size, 0.25)]
    return bool(has_finer and np.median(small) >= bits - 2)
