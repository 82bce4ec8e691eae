"""What a network begins with before it is trained, and what validation rows said once it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evenhand.trainers.fitting.starting import freeze, require_apart, start_from
from evenhand.trainers.fitting.stopping import MEASURES

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.data.prepared import Prepared
    from evenhand.trainers.fitting.stopping import Watch


@dataclass
class Beginning:
    """What happens to a network before it is trained: pretrained weights go in, layers are frozen.
    ``replaced`` tensors start from chance all the same."""

    prepared: Prepared
    replaced: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    _kept: dict[str, torch.Tensor] = field(default_factory=dict)

    def __call__(self, module: torch.nn.Module) -> None:
        require_apart(self.prepared)
        self.replaced = start_from(module, self.prepared)
        self.frozen = freeze(module, self.prepared.recipe.freeze)
        self._kept = {n: module.get_parameter(n).detach().cpu().clone() for n in self.frozen}

    def require_frozen_kept(self, module: torch.nn.Module) -> None:
        """A frozen parameter that moved is a bug of ours, and a privacy claim gone wrong."""
        for name, kept in self._kept.items():
            if not bool((module.get_parameter(name).detach().cpu() == kept).all()):
                raise RuntimeError(f"frozen parameter {name!r} was changed by training")


def validation_notes(prepared: Prepared, watch: Watch | None) -> dict[str, Any]:
    """What curves.json says of the validation rows; {} where there are none."""
    if watch is None or prepared.validation is None:
        return {}
    notes = {
        "measure": MEASURES[prepared.task],
        "n_validation": len(prepared.validation),
        **watch.to_json(),
    }
    if prepared.recipe.private is not None and watch.stopped_after is not None:
        notes["budget"] = "every planned step is counted: when to stop was decided on the results"
    return notes
