"""What a kind of training hands on: a recipe met with its data, ready for a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evenhand.audit.claims import Privacy
from evenhand.trainers.model_description import (
    ClassMetrics,
    TargetScale,
    Task,
    TokenMetrics,
    ValueMetrics,
)

if TYPE_CHECKING:
    import pandas as pd

    from evenhand.trainers.encoders.encoder import Encoder
    from evenhand.trainers.examples import CurvePoint, Examples
    from evenhand.trainers.folder.pretrained import Pretrained
    from evenhand.trainers.recipe.recipe import Recipe


@dataclass(frozen=True)
class HeldOut:
    """The held-out rows as the file that the model folder keeps: its name and its bytes."""

    file: str
    content: bytes


@dataclass(frozen=True)
class Frames:
    """Rows as tables: for estimators, which encode by themselves, and to know rows again."""

    train: pd.DataFrame
    test: pd.DataFrame
    validation: pd.DataFrame | None = None


@dataclass(frozen=True)
class Prepared:
    """A recipe met with its data: examples, and every name resolved.

    ``name`` starts the model's name, ``dataset`` is what the data are called. ``classes`` are ()
    for regression and generation, ``positive_label`` is None but for a binary task. ``encoder``
    is None for estimators, which get ``frames``. ``architecture_defaults`` are parameters that
    the data dictate (a vocabulary's size); the recipe's own win. ``outside_guarantee`` says what
    the encoder learnt from the rows without noise. ``split`` goes into split.json.
    ``n_test_characters`` is for generation. ``validation`` are rows to look at after each epoch.
    With a ``target_scale`` (regression) the targets of ``train`` and ``validation`` are
    standardised by it; those of ``test`` are in their own unit. ``pretrained`` is where training
    starts from; ``source_digest`` the digest of the file that all rows come from, where it is one;
    ``column_types`` what its columns were read as.
    """

    recipe: Recipe
    task: Task
    name: str
    dataset: str
    target: str
    positive_label: str | None
    classes: tuple[str, ...]
    sensitive_features: tuple[str, ...]
    input_columns: tuple[str, ...]
    encoder: Encoder | None
    train: Examples
    test: Examples
    n_outputs: int
    training_digest: str
    held_out_digest: str
    held_out: HeldOut | None = None
    architecture_defaults: Mapping[str, Any] = field(default_factory=dict)
    outside_guarantee: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    split: Mapping[str, Any] = field(default_factory=dict)
    frames: Frames | None = None
    n_test_characters: int | None = None
    validation: Examples | None = None
    target_scale: TargetScale | None = None
    pretrained: Pretrained | None = None
    source_digest: str | None = None
    column_types: Mapping[str, str] = field(default_factory=dict)

    @property
    def stated_rows(self) -> int:
        """The number of training rows that is published: of a private run the public one, if any
        (see ``Private.public_rows``)."""
        private = self.recipe.private
        return (private and private.public_rows) or len(self.train)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example's input, without the rows."""
        return tuple(self.train.inputs.shape[1:])


@dataclass(frozen=True)
class Fitted:
    """What training gave: measures on the held-out rows, the learning curve, the privacy record;
    ``notes`` are for whoever trains."""

    test: ClassMetrics | ValueMetrics | TokenMetrics
    curve: tuple[CurvePoint, ...] = ()
    curve_notes: Mapping[str, Any] | None = None
    privacy: Privacy | None = None
    architecture: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    pretrained: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
