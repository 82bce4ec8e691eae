"""When training stops early, as a recipe states it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from evenhand.trainers.validate import Strict

if TYPE_CHECKING:
    pass


class EarlyStopping(Strict):
    """Stop after ``patience`` epochs in which the validation loss did not fall by more than
    ``min_improvement``; the weights of the best epoch are kept. Written as a number: patience.

    ``public_validation`` declares, for a private run, that the rows of ``validation_data`` are
    public: when to stop tells something about the rows that decided it.
    """

    patience: int = Field(default=5, ge=1)
    min_improvement: float = Field(default=0.0, ge=0)
    public_validation: bool = False

    @model_validator(mode="before")
    @classmethod
    def _a_number_is_patience(cls, given: Any) -> Any:
        is_number = isinstance(given, int) and not isinstance(given, bool)
        return {"patience": given} if is_number else given
