"""The interval of a share by SciPy alone: Wilson's, no narrower than a beta quantile an end."""

from __future__ import annotations

from scipy import stats


def share_ends(k: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Low and high end; SciPy's Wilson interval takes whole counts, so it is written out."""
    z = stats.norm.ppf(0.5 + level / 2)
    p, w = k / n, z * z / n
    half = (p * (1 - p) * w + w * w / 4) ** 0.5 / (1 + w)
    centre = (p + w / 2) / (1 + w)
    moved, tail = min(1.0, 0.75 + 2 / n), (1 - level) / 2
    low = min(centre - half, stats.beta.ppf(tail, k + 1 - moved, n - k + moved)) if k else 0.0
    high = (
        max(centre + half, stats.beta.ppf(1 - tail, k + moved, n - k + 1 - moved)) if k < n else 1.0
    )
    return max(0.0, float(low)), min(1.0, float(high))
