"""Opens mitigated models: the model format ``evenhand-mitigated``.

A folder may come from a stranger: JSON read strictly, networks as safetensors, scikit-learn parts
as skops; every part's digest is checked. Nothing is pickled, and Fairlearn is not needed to decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import texts
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.files.canonical import digest_file
from evenhand.audit.models.declared import Declared
from evenhand.trainers.folder.json_files import read_json, refuse_code_files, says_format
from evenhand.trainers.mitigation.description import FORMAT, MitigatedDescription, Operation
from evenhand.trainers.mitigation.parts import (
    Inputs,
    group_texts,
    positive_share,
    read_part,
    require_known,
    sensitive_matrix,
    without_correlation,
)
from evenhand.trainers.validate import checked

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from evenhand.audit.models.predictor import Predictor

NAME = FORMAT
TRUST = "data"
ABOUT = "JSON, safetensors and skops, each checked before anything is built from it"
PRELOAD = (
    "torch",
    "safetensors.torch",
    "pandas",
    "skops.io",
    "sklearn",
    "evenhand.trainers.architectures",
)
RECOGNISED_BY = "a folder whose model.json says format evenhand-mitigated"
GRADIENTS = False
SAVE = "evenhand mitigate MODEL ... --out folder"


def recognises(path: Path) -> bool:
    """A folder whose model.json says that its format is evenhand-mitigated."""
    return says_format(path, FORMAT)


def load(path: Path) -> MitigatedPredictor:
    """Opens the folder.

    Raises InputError for a folder that is not as ``mitigate`` writes it, UnsafeModelError for file
    types or skops types that can run code, AlteredEvidenceError where a part is not the one that
    model.json names.
    """
    from evenhand.audit.worker.opening import open_here

    path = Path(path)
    description = checked(
        MitigatedDescription, read_json(path / "model.json"), f"{path}/model.json"
    )
    _require_files(path, description)
    base = None
    if description.method == "threshold":
        if recognises(path / "base"):
            raise InputError(
                "{path} is mitigated twice", remedy="mitigate the first model", path=path
            )
        declared = checked(Declared, description.base_declared, f"{path}/model.json")
        base = open_here(path / "base", declared).predictor
        if base.task != "binary" or description.positive_label not in base.classes:
            raise InputError("{path}/base is of other classes", remedy="mitigate again", path=path)
        inputs = Inputs(base.input_columns)
    else:
        inputs = _inputs(path, description)
    parts = [(p.weight, _part(path, p.file, description, inputs)) for p in description.parts]
    decides = description.method in ("threshold", "exponentiated-gradient")
    made = _Deciding if decides else MitigatedPredictor
    return made(_Loaded(description, inputs, base, tuple(parts)))


def _part(path: Path, file: str, description: MitigatedDescription, inputs: Inputs) -> Any:
    network = None
    if description.network is not None and file.endswith(".safetensors"):
        import torch

        from evenhand.trainers.architectures import architecture

        if inputs.encoder is None:
            raise InputError("{path} lacks encoder.json", remedy="mitigate again", path=path)
        chosen = architecture(description.network.architecture)
        # Built without storage: sizes that a stranger chose cost nothing until they are checked.
        with torch.device("meta"):
            network = chosen.build(inputs.encoder.input_shape, 2, description.network.parameters)
    return read_part(path / file, network)


def _inputs(path: Path, description: MitigatedDescription) -> Inputs:
    from evenhand.audit.models.formats.skops import open_estimator
    from evenhand.trainers.encoders.encoder import encoder_from_json

    needed = description.sensitive_features if description.needs_sensitive_features else ()
    columns = tuple(c for c in description.input_columns if c not in needed)
    if "encoder.json" in description.files:
        encoder = encoder_from_json(read_json(path / "encoder.json"))
        if not set(encoder.input_columns) <= set(description.input_columns):
            raise InputError(
                "{path}: encoder.json reads other columns than model.json lists",
                remedy="mitigate again",
                path=path,
            )
        return Inputs(encoder.input_columns, encoder)
    if "prepare.skops" in description.files:
        transformer = open_estimator(path / "prepare.skops")
        own = tuple(str(c) for c in getattr(transformer, "feature_names_in_", columns))
        if not hasattr(transformer, "transform") or not set(own) <= set(description.input_columns):
            raise InputError(
                "{path}/prepare.skops does not fit", remedy="mitigate again", path=path
            )
        return Inputs(own, transformer=transformer)
    return Inputs(columns)


def _require_files(path: Path, description: MitigatedDescription) -> None:
    wanted = {p.file for p in description.parts}
    missing = sorted(wanted - set(description.files))
    if missing:
        raise InputError(
            "{path}/model.json names no digest of {missing}",
            remedy="mitigate",
            path=path,
            missing=missing[0],
        )
    refuse_code_files(path)
    for name, digest in description.files.items():
        file = path / name
        if not file.resolve().is_relative_to(path.resolve()):
            raise InputError(
                "{path}/model.json names {name!r}, outside it",
                remedy="mitigate",
                path=path,
                name=name,
            )
        if not file.is_file():
            raise InputError(
                "{path} lacks {name}", remedy="restore it, or mitigate again", path=path, name=name
            )
        if digest_file(file) != digest:
            raise AlteredEvidenceError(
                "{file} is not the file that model.json was written with",
                remedy="restore the folder from a copy, or mitigate again",
                file=file,
            )


@dataclass(frozen=True)
class _Loaded:
    description: MitigatedDescription
    inputs: Inputs
    base: Predictor | None
    parts: tuple[tuple[float, Any], ...]


class MitigatedPredictor:
    """A mitigated classifier whose scores are probabilities: selected from 0.5 on."""

    format = NAME
    task = "binary"
    gradients: Any = None

    def __init__(self, loaded: _Loaded) -> None:
        self._loaded = loaded
        self.description = loaded.description
        self.classes: tuple[str, ...] = loaded.description.classes
        self.input_columns = loaded.description.input_columns
        self.maker_says: Mapping[str, Any] = loaded.description.says()

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Shape (rows, 2) in the order of ``classes``. Raises InputError for an unseen group."""
        import numpy as np

        share = self.selected_share(frame)
        columns = [1 - share, share]
        if self.description.positive_label == self.classes[0]:
            columns.reverse()
        return np.column_stack(columns)

    def selected_share(self, frame: pd.DataFrame) -> np.ndarray:
        """The score of the positive label, or the chance of being selected: shape (rows,)."""
        matrix = self._matrix(frame)
        return positive_share(self._loaded.parts[0][1], matrix)

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """A classifier predicts no values."""
        raise InputError("a classifier predicts labels, not values", remedy="audit it as binary")

    def token_log_likelihood(self, frame: pd.DataFrame) -> tuple[np.ndarray, ...]:
        """A classifier generates no text."""
        raise InputError("a classifier scores no tokens", remedy="audit it as binary")

    def _matrix(self, frame: pd.DataFrame) -> Any:
        matrix = self._loaded.inputs.matrix(frame)
        removal = self.description.removal
        if removal is None:
            return matrix
        features = self.description.sensitive_features
        return without_correlation(
            matrix,
            sensitive_matrix(frame, removal.levels, features, self.description.grouping),
            removal,
        )


class _Deciding(MitigatedPredictor):
    """A mitigated classifier that makes its decisions itself: scores are chances of selection."""

    def selected_share(self, frame: pd.DataFrame) -> np.ndarray:
        """The chance of being selected, shape (rows,): what Fairlearn's own object draws with."""
        import numpy as np

        if self._loaded.base is not None:
            return self._by_rules(frame)
        matrix = self._matrix(frame)
        share = np.zeros(len(frame))
        for weight, predictor in self._loaded.parts:
            share += weight * np.asarray(predictor.predict(matrix), dtype=float)
        return np.clip(share, 0.0, 1.0)

    def decide(self, frame: pd.DataFrame) -> np.ndarray:
        """Positions in ``classes``: drawn where chance decides, the same for equal rows each time.

        The draw of a row comes from its own cells and the folder's seed, so that nobody gets
        another answer by asking again, and rows can come in any order.
        """
        import numpy as np

        is_selected = self.selected_share(frame) > self._draws(frame)
        positive = self.classes.index(self.description.positive_label)
        return np.where(is_selected, positive, 1 - positive)

    def _draws(self, frame: pd.DataFrame) -> np.ndarray:
        """Uniform numbers in [0, 1), one a row, from the row's own cells."""
        import pandas as pd

        cells = pd.DataFrame({c: texts(frame[c])[0] for c in self.input_columns})
        key = f"{self.description.draw_seed:016x}"
        hashed = pd.util.hash_pandas_object(cells, index=False, hash_key=key).to_numpy()
        draws: np.ndarray = (hashed >> 11) * 2.0**-53
        return draws

    def _by_rules(self, frame: pd.DataFrame) -> np.ndarray:
        import numpy as np

        base = self._loaded.base
        assert base is not None
        position = base.classes.index(self.description.positive_label)
        scores = np.asarray(base.predict_proba(frame))[:, position]
        groups = group_texts(frame, self.description.sensitive_features, self.description.grouping)
        names = [tuple(row) for row in groups]
        known = {rule.group for rule in self.description.rules}
        shown = {g: ", ".join(g) for g in {*names, *known}}
        over = " × ".join(self.description.sensitive_features)
        require_known({shown[g] for g in names}, [shown[g] for g in known], over)
        share = np.zeros(len(frame))
        for rule in self.description.rules:
            rows = (groups == np.array(rule.group, dtype=object)).all(axis=1)
            own = scores[rows]
            chance = rule.p0 * _holds(rule.operation0, own) + rule.p1 * _holds(rule.operation1, own)
            if rule.p_ignore is not None and rule.prediction_constant is not None:
                constant = rule.p_ignore * rule.prediction_constant
                chance = constant + (1 - rule.p_ignore) * chance
            share[rows] = chance
        return np.clip(share, 0.0, 1.0)


def _holds(operation: Operation, scores: np.ndarray) -> np.ndarray:
    above = operation.operator == ">"
    chosen: np.ndarray = scores > operation.limit if above else scores < operation.limit
    return chosen.astype(float)
