"""What a model's maker states of it, as records: claims, not measurements.

``Predictor.maker_says`` crosses the wall to the worker as plain JSON, and a format of somebody
else's may state anything there: each part is parsed by its function below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import Field

from evenhand.audit.errors import InputError
from evenhand.audit.files.shapes import EmptyIfNull, Number, Shape, Texts, parsed


class _Stated(Shape):
    def to_json(self) -> dict[str, Any]:
        """Plain JSON with what was given, in the order of the fields, as model folders have it."""
        return self.model_dump(mode="json", exclude_unset=True)


class Composed(_Stated):
    """What a run costs together with all known runs on any of its rows.

    ``state`` is known or unknown (then ``reason`` says why). ``runs`` counts them, ``overlap`` is
    the largest share of the run's rows that another one had; ``stated_by_maker`` is what was
    known where the model was made, if nothing is here.
    """

    state: str = "unknown"
    reason: str = ""
    epsilon: Number | None = None
    delta: Number | None = None
    accountant: str = "PRV"
    runs: int | None = None
    overlap: Number | None = None
    store: str = ""
    unit: str = "row"
    stated_by_maker: Composed | None = None


class Privacy(_Stated):
    """A differential-privacy guarantee as the ledger of the model has it.

    Nobody's ``epsilon`` and ``delta`` mean anything without the ``unit`` that they protect, the
    ``adjacency`` of data sets, the ``accountant`` and the ``sampler``. ``is_certified`` is False
    where the guarantee doesn't hold as stated: ``not_certified`` says why. ``outside_guarantee``
    names what was learnt from the rows beside it (``epsilon_lower`` is the certified least that
    the steps cost), ``preprocessing`` says so of each column.
    ``timeline`` is the ledger line by line, as somebody tells it: ``privacy.ledger`` checks it.
    """

    epsilon: Number
    delta: Number
    unit: str = "unknown"
    max_rows_per_unit: int | None = None
    adjacency: str = "unknown"
    accountant: str = "unknown"
    sampler: str = "unknown"
    noise_multiplier: Number | None = None
    max_grad_norm: Number | None = None
    sample_rate: Number | None = None
    steps: int | None = None
    n_train: int | None = None
    epsilon_rdp: Number | None = None
    epsilon_lower: Number | None = None
    noise: str | None = None
    grad_sample_mode: str | None = None
    physical_batch_size: int | None = None
    memory: dict[str, Any] | None = None
    is_certified: bool | None = None
    not_certified: Texts = ()
    outside_guarantee: Texts = ()
    preprocessing: Annotated[dict[str, str], EmptyIfNull] = Field(default_factory=dict)
    composition: Composed | None = None
    warnings: Texts = ()
    is_closed: bool | None = None
    n_segments: int | None = None
    run: str | None = None
    store: str | None = None
    ledger_head: str | None = None
    timeline: Any = None


class Mitigation(_Stated):
    """By which ``method`` a model was mitigated under which ``constraint``, whether it decides by
    drawing lots (``randomises``), and which sensitive features it reads."""

    method: str | None = None
    constraint: str | None = None
    randomises: bool = False
    needs_sensitive_features: Texts = ()


class TrainingCost(_Stated):
    """``cost.json``: energy (joule), carbon (g CO2e), wall time (second) and operations of the run,
    each with how it is known; ``energy_is`` is measured or estimated."""

    energy_j: Number | None = None
    energy_is: str | None = None
    energy_method: str = ""
    carbon_g: Number | None = None
    carbon_method: str = ""
    wall_s: Number | None = None
    flops: Number | None = None
    flops_method: str = ""
    is_of_the_whole_run: bool = True


def privacy_stated(says: Mapping[str, Any]) -> Privacy | None:
    """The guarantee that is stated; None without one. Raises InputError for what is none."""
    return _part(says, "privacy", Privacy)


def mitigation_stated(says: Mapping[str, Any]) -> Mitigation:
    """The mitigation that is stated; an empty record without one. Raises InputError as above."""
    return _part(says, "mitigation", Mitigation) or Mitigation()


def cost_stated(says: Mapping[str, Any]) -> TrainingCost | None:
    """What training is stated to have cost; None without it. Raises InputError as above."""
    return _part(says, "cost", TrainingCost)


_Record = TypeVar("_Record", bound=Shape)


def _part(says: Mapping[str, Any], name: str, shape: type[_Record]) -> _Record | None:
    stated = says.get(name)
    if not stated:
        return None
    try:
        return parsed(stated, shape)
    except ValueError as error:
        raise InputError(
            "the model states a record {name!r} that is none: {error}",
            remedy="correct what the model's format states as maker_says",
            name=name,
            error=error,
        ) from None
