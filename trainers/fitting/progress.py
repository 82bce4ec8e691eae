"""One line on how far a training run is, for whoever waits for it."""

from __future__ import annotations

from evenhand.audit.words.numbers import at_most, duration, number


def words(
    epoch: int, epochs: int, loss: float | None, epsilon: float | None, seconds_left: float
) -> str:
    """Loss, epsilon spent and time left, as far as they are known; see ``fit.Progress``.

    >>> words(2, 15, 0.41234, 1.2, 7260)
    'loss 0.412, epsilon 1.2, 2 h 1 min left'
    """
    parts = [f"loss {number(loss)}"] if loss is not None else []
    parts += [f"epsilon {at_most(epsilon)}"] if epsilon is not None else []
    parts += [f"{duration(seconds_left)} left"] if epoch < epochs else []
    return ", ".join(parts) or "epoch"
