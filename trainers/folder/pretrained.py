"""Starting from a model that was trained before: on other rows, for the same or another question.

The main use is a body pretrained on public rows and fine-tuned privately. Inputs are encoded as the
pretrained model encodes them, since its first layer means those positions; so nothing of the
encoder is learnt from the private rows either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.files.canonical import digest_file
from evenhand.trainers.folder.reading import OpenedNetwork, open_network, recognises

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Pretrained:
    """An opened model folder to start from, and the digest of its weights' file."""

    path: Path
    network: OpenedNetwork
    weights_digest: str


def open_pretrained(path: str | Path) -> Pretrained:
    """Opens a model folder with the checks of an audit.

    Raises InputError for what is no network's folder, and what ``open_network`` raises.
    """
    folder = Path(path)
    if not recognises(folder):
        siblings = (p.name for p in folder.parent.glob("*")) if folder.parent.is_dir() else ()
        raise InputError(
            "init_from={path!r} is not a model folder with a network",
            remedy=nearest(folder.name, siblings),
            path=str(path),
        )
    return Pretrained(folder, open_network(folder), digest_file(folder / "weights.safetensors"))


def filled_from_pretrained(given: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe with the network of its ``init_from`` where it names no model and no architecture.

    Without ``init_from`` it comes back as it is. Raises InputError as ``open_pretrained`` does.
    """
    path = given.get("init_from")
    if not isinstance(path, str) or not path:
        return dict(given)
    stated = open_pretrained(path).network.description
    values = {k: v for k, v in given.items() if v is not None}
    if values.setdefault("model", stated.model) == stated.model:
        own = values.get("architecture", {})
        if isinstance(own, Mapping):
            values["architecture"] = {**stated.parameters, **own}
    return values
