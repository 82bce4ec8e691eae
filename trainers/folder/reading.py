"""Opens model folders that hold a network: the model format ``evenhand-folder``.

A folder may come from a stranger. It is data alone: JSON read strictly and weights in safetensors,
whose header is checked against the architecture before a weight is read. Nothing in a folder names
code but the architecture, which must be one that is installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.claims import Composed, Privacy
from evenhand.audit.errors import AlteredEvidenceError, InputError, UnsafeModelError
from evenhand.audit.files.canonical import digest_file
from evenhand.trainers.encoders.encoder import Encoder, encoder_from_json
from evenhand.trainers.folder.json_files import read_json, refuse_code_files, says_format
from evenhand.trainers.folder.predictors import NetworkPredictor
from evenhand.trainers.ledger import record as ledger
from evenhand.trainers.ledger.timeline import timeline
from evenhand.trainers.model_description import FORMAT, ModelDescription, TargetScale
from evenhand.trainers.validate import checked

if TYPE_CHECKING:
    import torch

NAME = FORMAT
TRUST = "data"
ABOUT = "JSON and safetensors, checked against an architecture that is installed here"
PRELOAD = (
    "torch",
    "safetensors.torch",
    "pandas",
    "evenhand.trainers.architectures",
    "evenhand.trainers.folder.predictors",
)
BESIDE = {"encoder.json": PRELOAD, ledger.FILE: ("opacus.accountants",)}
RECOGNISED_BY = "a folder whose model.json says format evenhand-folder"
GRADIENTS = True
SAVE = "evenhand train ... --out folder"

_MAX_HEADER_BYTES = 1 << 20
_MAX_TENSORS = 10_000


def recognises(path: Path) -> bool:
    """A folder whose model.json says that its format is evenhand-folder."""
    return says_format(path, FORMAT)


@dataclass(frozen=True)
class OpenedNetwork:
    """An opened folder: what it says, its encoder, and its module as it was trained (in regression
    on standardised targets). ``privacy`` is the record as the ledger has it."""

    description: ModelDescription
    encoder: Encoder
    module: torch.nn.Module
    privacy: Privacy | None


def load(path: Path) -> NetworkPredictor:
    """Opens the folder for scoring. Raises what ``open_network`` raises."""
    found = open_network(path)
    description = found.description
    cost = path / "cost.json"
    says = {
        **description.to_json(),
        "privacy": None if found.privacy is None else found.privacy.to_json(),
        "cost": read_json(cost) if cost.is_file() else None,
    }
    return NetworkPredictor(
        in_units(found.module, description.target_scale),
        found.encoder,
        description.task,
        description.classes,
        says,
    )


def known_here(path: Path, says: Mapping[str, Any]) -> Mapping[str, Any]:
    """``says`` with the ledger's timeline, and with what the ledger store of this place knows of
    other runs on the same rows.

    The worker that opened the folder has read the same ledger and reaches no store of ours.
    """
    privacy = says.get("privacy")
    if not isinstance(privacy, Mapping):
        return says
    file = path / ledger.FILE
    record = ledger.read_ledger(file)
    stated = checked(ModelDescription, read_json(path / "model.json"), "model.json").privacy
    told = {
        "composition": _composition(record, stated).to_json(),
        "timeline": timeline(file, record),
    }
    return {**says, "privacy": {**privacy, **told}}


def in_units(module: torch.nn.Module, scale: TargetScale | None) -> torch.nn.Module:
    """``module`` answering in the target's own unit, where it was trained on standardised ones."""
    if scale is None:
        return module
    from evenhand.trainers.architectures._in_units import InUnits

    return InUnits(module, mean=scale.mean, scale=scale.scale)


def open_network(path: Path) -> OpenedNetwork:
    """Opens the folder.

    Raises InputError for a folder that is not as ``train`` writes it, UnsafeModelError where
    weights come in a file type that can run code, AlteredEvidenceError where the privacy ledger was
    altered or belongs to other weights.
    """
    import torch

    from evenhand.trainers.architectures import architecture

    path = Path(path)
    refuse_code_files(path)
    description = checked(
        ModelDescription, read_json(path / "model.json"), f"{path / 'model.json'}"
    )
    encoder = encoder_from_json(read_json(path / "encoder.json"))
    if encoder.input_columns != description.input_columns:
        raise InputError(
            "{path}: encoder.json reads other columns than model.json lists",
            remedy="train the model again",
            path=path,
        )
    _require_ids_fit(path, encoder, description.parameters)
    # Built without storage: sizes that a stranger chose cost nothing until they are checked.
    with torch.device("meta"):
        module = architecture(str(description.architecture)).build(
            encoder.input_shape, _n_outputs(description, encoder), description.parameters
        )
    load_weights(module, path / "weights.safetensors")
    return OpenedNetwork(description, encoder, module, _privacy(path, description))


def _n_outputs(description: ModelDescription, encoder: Encoder) -> int:
    if description.task == "generation":
        return int(getattr(encoder, "n_outputs", 0))  # the vocabulary is the encoder's
    return 1 if description.task == "regression" else len(description.classes)


def _require_ids_fit(path: Path, encoder: Encoder, parameters: Mapping[str, Any]) -> None:
    """A text encoder's ids must be rows of the network's table: no id may fall outside of it."""
    ids, rows = getattr(encoder, "n_outputs", None), parameters.get("vocabulary")
    if ids is not None and rows != ids:
        raise InputError(
            "{path}: encoder.json has {ids} token ids, model.json says {rows}",
            remedy="train the model again",
            path=path,
            ids=ids,
            rows=rows,
        )


def load_weights(module: torch.nn.Module, file: Path) -> None:
    """Reads weights into ``module`` (on the meta device) after checking every name and shape."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    expected = module.state_dict()
    _check_header(file, expected)
    try:
        tensors = load(file.read_bytes())
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise InputError(
            "{file} is not valid safetensors: {error}", remedy="train again", file=file, error=error
        ) from None
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise InputError(
                "{file}: tensor {name!r} holds values that are not finite",
                remedy="train again",
                file=file,
                name=name,
            )
    module.load_state_dict(tensors, strict=True, assign=True)


def _check_header(file: Path, expected: Mapping[str, torch.Tensor]) -> None:
    header = _header(file)
    header.pop("__metadata__", None)
    if len(header) > _MAX_TENSORS:
        raise InputError(
            "{file} has {n_header} tensors",
            remedy="is it of this model?",
            file=file,
            n_header=len(header),
        )
    if set(header) != set(expected):
        lacking, extra = sorted(set(expected) - set(header)), sorted(set(header) - set(expected))
        raise InputError(
            "{file} does not fit the architecture: tensors lacking {lacking}, not known {extra}",
            remedy="use the weights that were written with this model.json",
            file=file,
            lacking=lacking[:5],
            extra=extra[:5],
        )
    for name, tensor in expected.items():
        entry = header[name] if isinstance(header[name], dict) else {}
        shape, dtype = entry.get("shape"), _DTYPES.get(str(tensor.dtype))
        if shape != list(tensor.shape) or entry.get("dtype") != dtype:
            raise InputError(
                "{file}: tensor {name!r} is {value} {shape}, the architecture has "
                "{dtype} {tensor_shape}",
                remedy="use the weights that were written with this model.json",
                file=file,
                name=name,
                value=entry.get("dtype"),
                shape=shape,
                dtype=dtype,
                tensor_shape=list(tensor.shape),
            )


_DTYPES = {"torch.float32": "F32", "torch.float64": "F64", "torch.int64": "I64"}


def _header(file: Path) -> dict[str, Any]:
    """The JSON header of a safetensors file, read without opening the weights."""
    try:
        with file.open("rb") as handle:
            start = handle.read(8)
            length = int.from_bytes(start, "little")
            if length > _MAX_HEADER_BYTES:
                # Read as a length, the first bytes of a pickle or of a zip of pickles are huge.
                if start[:1] == b"\x80" or start[:2] == b"PK":
                    raise UnsafeModelError(
                        "{file} is a pickle under another name: opening it can run code",
                        remedy="save the weights as safetensors",
                        file=file,
                    )
                raise InputError(
                    "{file} has a header of {length} bytes, over 1 MiB",
                    remedy="train again",
                    file=file,
                    length=length,
                )
            header = json.loads(handle.read(length))
    except OSError as error:
        raise InputError(
            "cannot read {file}: {strerror}",
            remedy="train again",
            file=file,
            strerror=error.strerror,
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            "{file} is not safetensors: {error}", remedy="train again", file=file, error=error
        ) from None
    if not isinstance(header, dict):
        raise InputError(
            "{file} is not safetensors: its header is a list", remedy="train again", file=file
        )
    return header


def _privacy(path: Path, description: ModelDescription) -> Privacy | None:
    """The privacy record as the ledger has it, None where training was not private."""
    file = path / ledger.FILE
    stated = description.privacy
    if stated is None and not file.exists():
        return None
    if stated is None or not file.exists():
        raise AlteredEvidenceError(
            "{path}: model.json and the privacy ledger disagree on whether training was private",
            remedy="restore the folder from a copy",
            path=path,
        )
    record = ledger.read_ledger(file)
    digest = digest_file(path / "weights.safetensors")
    if stated.ledger_head != record.head or record.weights_digest != digest:
        raise AlteredEvidenceError(
            "{path}: the privacy ledger is not the one that was closed with these weights",
            remedy="restore the folder from a copy",
            path=path,
        )
    return record.to_privacy(_composition(record, stated))


def _composition(record: ledger.LedgerRecord, stated: Privacy | None) -> Composed:
    """What the ledger store here knows of other runs on the same rows; unknown where the store is
    elsewhere, with what the maker stated then."""
    from evenhand.trainers.ledger.store import LedgerStore

    found = LedgerStore().composition_of(record)
    if found.state == "unknown" and stated is not None and stated.composition is not None:
        return found.model_copy(update={"stated_by_maker": stated.composition})
    return found
