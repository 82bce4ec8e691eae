"""What opening a model gives: the predictor, and what is known of how it was opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.models.predictor import Predictor

if TYPE_CHECKING:
    from evenhand.audit.worker.intake import CopiedModel


@dataclass(frozen=True)
class Opened:
    """A model, where it came from (a path, or an endpoint's URL), the digest of every byte of it
    (an endpoint has none: ""), and how it was opened (plain JSON: format, trust, level of isolation
    and what it consists of). ``copy`` is the private copy that the worker read, which is deleted
    with this object; None where there is no worker."""

    predictor: Predictor
    path: Path | str
    digest: str
    opening: Mapping[str, Any] = field(default_factory=dict)
    copy: CopiedModel | None = None
