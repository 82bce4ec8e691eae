"""Writes the model folder: under a temporary name beside it, then renamed into place.

model.json            what the model is and what its maker states about it
encoder.json          networks: how raw rows become inputs
weights.safetensors   networks: the weights
model.skops           scikit-learn models instead of the two above
ledger.jsonl          private training: what was spent
curves.json           the learning curve
cost.json             time, memory, energy and carbon of the run
recipe.yaml           the recipe, with every default filled in
split.json            how rows were held out
held_out.csv          the held-out rows, so that an audit can use exactly the unseen ones
                      (.npz for images, .jsonl for texts)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import digest_file
from evenhand.audit.files.disk import disk_error, write_new
from evenhand.audit.files.making import creating, partial_name, put_in_place, require_free
from evenhand.trainers.model_description import ModelDescription

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.encoders.encoder import Encoder
    from evenhand.trainers.examples import CurvePoint


class FolderWriter:
    """A model folder in the making; ``commit`` gives it its name.

    Used as a context manager: where the block ends without ``commit``, what was written is
    removed. What a private run spent is in the ledger store all the same.
    """

    def __init__(self, out: str | Path) -> None:
        self.out = Path(out)
        self.path = partial_name(self.out)
        require_free(self.out, "model folder", "one is never overwritten")
        with creating(self.out, "model folder"):
            self.path.mkdir(parents=True)

    def __enter__(self) -> FolderWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name: str, data: bytes) -> str:
        """Writes one file and flushes it to the disk; returns the SHA-256 of its bytes."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        write_new(file, data)
        return digest_file(file)

    def write_json(self, name: str, value: Any) -> None:
        """Writes readable JSON (keys in the order given; no NaN)."""
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
        self.write(name, text.encode() + b"\n")

    def commit(self) -> Path:
        """Renames the folder into place and returns its path."""
        try:
            put_in_place(self.path, self.out)
        except FileExistsError:
            raise InputError(
                "{out} came to exist while the model was trained",
                remedy="choose another --out",
                out=self.out,
            ) from None
        except OSError as error:
            raise disk_error(f"move the trained model to {self.out}", error) from error
        return self.out


def write_network(writer: FolderWriter, module: torch.nn.Module, encoder: Encoder) -> str:
    """Writes encoder.json and weights.safetensors; returns the digest of the weights' file."""
    from safetensors.torch import save

    writer.write_json("encoder.json", encoder.to_json())
    tensors = {k: v.detach().contiguous() for k, v in module.state_dict().items()}
    return writer.write("weights.safetensors", save(tensors))


def write_estimator(writer: FolderWriter, estimator: Any) -> None:
    """Writes a fitted scikit-learn estimator as model.skops."""
    from skops.io import dumps

    writer.write("model.skops", dumps(estimator))


def write_record(
    writer: FolderWriter,
    description: ModelDescription,
    recipe: Mapping[str, Any],
    curve: Sequence[CurvePoint],
    notes: Mapping[str, Any],
) -> None:
    """Writes model.json, recipe.yaml and curves.json; ``notes`` go into curves.json."""
    import yaml

    writer.write_json("model.json", description.to_json())
    text = yaml.safe_dump(dict(recipe), sort_keys=False, allow_unicode=True)
    writer.write("recipe.yaml", text.encode())
    writer.write_json("curves.json", {**notes, "points": [p.to_json() for p in curve]})
