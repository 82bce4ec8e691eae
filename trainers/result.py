"""What training came to: where the model lies, how good it is, what of privacy was spent."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

from evenhand.audit.claims import Privacy
from evenhand.audit.data.written.declared import Reading
from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import relative_files
from evenhand.audit.files.disk import write_whole
from evenhand.audit.words.numbers import at_most, number
from evenhand.audit.words.text import lines
from evenhand.trainers.model_description import ModelDescription

# What is said first of each task, where it was measured.
_HEADLINES = {
    "accuracy": "accuracy",
    "rmse": "root mean squared error",
    "bits_per_character": "bits per character",
    "perplexity": "perplexity",
}


@dataclass(frozen=True)
class TrainResult:
    """A trained model and what it came to; ``epsilon`` and the like are None in plain training.

    ``test`` holds the measures of the task on the held-out rows; ``test_accuracy``,
    ``test_balanced_accuracy`` and ``majority_share`` (what always guessing the commonest class
    gets there) are those of a classifier, None for other tasks. ``curves`` are points of epoch,
    training loss (nat; kept back in private training unless the recipe says otherwise) and epsilon
    so far. ``description`` is what model.json states, ``cost`` what cost.json does (time, memory,
    energy). ``notes`` say what was done to the rows, and warnings about the budget,
    ``columns`` what each was read as.
    """

    model: Path
    held_out: Path | None
    description: ModelDescription
    epsilon: float | None
    delta: float | None
    accountant: str | None
    test: Mapping[str, Any]
    test_accuracy: float | None
    test_balanced_accuracy: float | None
    majority_share: float | None
    n_train: int
    n_test: int
    seconds: float
    curves: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    columns: Mapping[str, str]
    privacy: Privacy | None
    cost: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        beside = ("model", "held_out", "description")
        return {
            **{k: v for k, v in vars(self).items() if k not in beside},
            "model": str(self.model),
            "held_out": str(self.held_out) if self.held_out else None,
            "test": dict(self.test),
            "curves": [dict(point) for point in self.curves],
            "notes": list(self.notes),
            "columns": dict(self.columns),
            "privacy": self.privacy.to_json() if self.privacy else None,
            "cost": dict(self.cost),
        }

    def save(self, path: str | PathLike[str]) -> Path:
        """Copies the model folder to a new place; as one file for ``.zip``.

        Raises InputError where something is there already. Returns where it was written.
        """
        place = Path(path)
        if place.exists() or place.is_symlink():
            raise InputError("{place} exists already", remedy="choose another place", place=place)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".zip":
            made = io.BytesIO()
            with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
                for name in sorted(relative_files(self.model)):
                    archive.writestr(zipfile.ZipInfo(name), (self.model / name).read_bytes())
            write_whole(place, made.getvalue())
        else:
            shutil.copytree(self.model, place)
        return place

    def headlines(self) -> tuple[str, ...]:
        """What is said first: the task's measures on held-out rows, and the guarantee."""
        measured = [(words, self.test.get(name)) for name, words in _HEADLINES.items()]
        said = [
            f"test {words}: {number(value)} on {self.n_test} held-out rows"
            for words, value in measured
            if value is not None
        ]
        if self.epsilon is not None:
            said.append(
                f"privacy: epsilon {at_most(self.epsilon)}, delta {at_most(self.delta or 0.0)} "
                f"({self.accountant} accountant)"
            )
        return tuple(said)

    def audit_options(self) -> dict[str, Any]:
        """What an audit of it on its held-out rows is told, in the names of subject.yaml: also how
        they are read, as far as they were not written plainly."""
        says = self.description
        declared = {k: v for k, v in says.recipe.items() if k in Reading.model_fields}
        reading = Reading(**declared).of_written()
        bins = {c: e for c, e in reading.bins.items() if c in says.sensitive_features}
        told = {
            "data": str(self.held_out) if self.held_out else None,
            "target": says.target,
            "positive_label": says.positive_label,
            "sensitive_features": list(says.sensitive_features),
            **reading.model_copy(update={"bins": bins}).as_plain(),
        }
        return {name: value for name, value in told.items() if value}

    def __repr__(self) -> str:
        kind = "private" if self.privacy else "plain"
        return f"<{kind} model {self.description.name!r}: {self.n_train} rows, {self.model}>"

    def _repr_html_(self) -> str:
        """How good it is and what was spent; what to know about it; what to do next."""
        says = self.description
        head = f"{says.name}: {says.model} for a {says.task} task, {self.n_train} training rows"
        asked = {k: v for k, v in self.audit_options().items() if k != "data"}
        options = "".join(f", {name}={value!r}" for name, value in asked.items())
        follows = (
            f"Next: evenhand.audit_model(trained.model, trained.held_out{options}, "
            'policy="baseline")'
        )
        parts = [f"<strong>{_text(head)}</strong>", *map(_text, self.headlines())]
        parts += [_text(f"note: {note}") for note in self.notes]
        parts += [f"Model: <code>{_text(self.model)}</code>"]
        return f"<p>{'<br>'.join([*parts, *([_text(follows)] if self.held_out else [])])}</p>"


def _text(text: object) -> str:
    return escape(lines(text))
