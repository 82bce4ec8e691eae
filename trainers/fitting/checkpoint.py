"""Checkpoints of a run under way, so that it can be resumed: tensors in safetensors, the rest JSON.

``<out>.unfinished/step-000012/`` holds the state after 12 steps: weights, optimizer state, torch's
generator (dropout), the learning curve and the run's settings. Noise and sampling of private runs
are not in it: a resumed run draws them afresh. A private run's checkpoint names the place in the
ledger that it belongs to, and the ledger names the checkpoint's digest.
"""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.files.canonical import digest_bytes, digest_file
from evenhand.audit.files.disk import write_whole
from evenhand.trainers.examples import CurvePoint
from evenhand.trainers.fitting.loop import LoopState

if TYPE_CHECKING:
    import torch

SCHEMA = "evenhand-checkpoint/1"
_STATE, _TENSORS = "state.json", "state.safetensors"
_SECONDS = 60.0  # between checkpoints where nobody says how many steps


def unfinished_folder(out: Path) -> Path:
    """Where the checkpoints of the run that will make the model folder ``out`` are kept."""
    return out.with_name(f"{out.name}.unfinished")


@dataclass(frozen=True)
class Saved:
    """A checkpoint that was read; ``ledger`` is a private run's anchor, None of a plain run."""

    step: int
    digest: str
    standing: LoopState
    settings: Mapping[str, Any]
    ledger: Mapping[str, Any] | None
    extra: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, Any]

    def require_settings(self, settings: Mapping[str, Any]) -> None:
        """Raises InputError that names the first setting which is not as it was."""
        for key in dict.fromkeys((*settings, *self.settings)):  # the recipe's own words first
            was, given = self.settings.get(key), settings.get(key)
            if was != given:
                raise InputError(
                    "the run to be resumed has {key}={was}, not {given}",
                    remedy="resume with the recipe and data that it was started with",
                    key=key,
                    was=_short(was),
                    given=_short(given),
                )

    def restore(self, module: torch.nn.Module, optimizer: Any) -> None:
        """Puts weights, optimizer state and torch's generator back."""
        import torch

        module.load_state_dict(self._group("module"), strict=True)
        states: dict[int, dict[str, Any]] = {}
        for index, values in self.optimizer["state"].items():
            states[int(index)] = dict(values)
        for name, tensor in self._group("optimizer").items():
            index, _, key = name.partition(".")
            states.setdefault(int(index), {})[key] = tensor
        optimizer.load_state_dict({"state": states, "param_groups": self.optimizer["groups"]})
        torch.set_rng_state(self.tensors["rng"])
        if "rng_cuda" in self.tensors:
            torch.cuda.set_rng_state(self.tensors["rng_cuda"])

    def group(self, name: str) -> dict[str, torch.Tensor]:
        """Tensors kept under ``name``, without that prefix."""
        return self._group(name)

    def _group(self, name: str) -> dict[str, torch.Tensor]:
        start = f"{name}."
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}


def save(
    folder: Path,
    module: torch.nn.Module,
    optimizer: Any,
    standing: LoopState,
    *,
    settings: Mapping[str, Any],
    ledger: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    extra_tensors: Mapping[str, torch.Tensor] | None = None,
) -> str:
    """Writes the checkpoint whole or not at all; returns its digest. Older ones stay."""
    from safetensors.torch import save as to_bytes

    state = optimizer.state_dict()
    tensors, scalars = _tensors(module, state), {}
    for index, values in state["state"].items():
        scalars[str(index)] = {k: v for k, v in values.items() if not hasattr(v, "detach")}
    content = to_bytes({**tensors, **(extra_tensors or {})})
    record = {
        "schema": SCHEMA,
        "step": standing.step,
        "curve": [point.to_json() for point in standing.curve],
        "total": standing.total,
        "count": standing.count,
        "optimizer": {"state": scalars, "groups": state["param_groups"]},
        "settings": dict(settings),
        "ledger": dict(ledger) if ledger else None,
        "extra": dict(extra or {}),
        "tensors": digest_bytes(content),
    }
    text = json.dumps(record, indent=1).encode()
    whole = folder / _name(standing.step)
    shutil.rmtree(whole, ignore_errors=True)
    half = folder / f"{_name(standing.step)}.half"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    write_whole(half / _TENSORS, content)
    write_whole(half / _STATE, text)
    half.rename(whole)
    return digest_bytes(text)


def load(folder: Path, step: int | None = None) -> Saved:
    """Reads the checkpoint after ``step`` steps, by default the latest.

    Raises InputError where there is none, AlteredEvidenceError where its files do not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    place = folder / _name(step) if step is not None else _latest(folder)
    try:
        text = (place / _STATE).read_bytes()
        record = json.loads(text)
        if record["schema"] != SCHEMA or digest_file(place / _TENSORS) != record["tensors"]:
            raise ValueError("its tensors are not those that it names")
        points = [CurvePoint(**point) for point in record["curve"]]
        return Saved(
            step=int(record["step"]),
            digest=digest_bytes(text),
            standing=LoopState(int(record["step"]), points, record["total"], record["count"]),
            settings=record["settings"],
            ledger=record["ledger"],
            extra=record["extra"],
            tensors=from_bytes((place / _TENSORS).read_bytes()),
            optimizer=record["optimizer"],
        )
    except FileNotFoundError:
        raise InputError(
            "there is nothing to resume at {place}",
            remedy="leave --resume out, or give the --out of the run that was interrupted",
            place=place,
        ) from None
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise AlteredEvidenceError(
            "the checkpoint {place} was altered: {error}",
            remedy="start the run again",
            place=place,
            error=error,
        ) from None


def keep_only(folder: Path, step: int) -> None:
    """Removes every other checkpoint and what a crash left half written."""
    for other in folder.glob("step-*"):
        if other.name != _name(step):
            shutil.rmtree(other, ignore_errors=True)


@dataclass
class Interrupts:
    """Ctrl-C and SIGTERM inside the block wait for the step under way; a second Ctrl-C does not.

    A second SIGTERM does: where a container or a scheduler ends a job, torchrun hands the signal
    on to processes that have had it already.
    """

    is_asked: bool = False
    _before: dict[int, Any] = field(default_factory=dict, repr=False)

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before.clear()

    def _ask(self, number: int, *_: object) -> None:
        if self.is_asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.is_asked = True


@dataclass
class Due:
    """When to save: every ``every`` steps, or once a minute where it is None."""

    every: int | None = None
    clock: Callable[[], float] = time.monotonic
    _last: float | None = None

    def now(self, step: int) -> bool:
        """Whether a checkpoint is due after ``step`` steps."""
        if self.every is not None:
            return step % self.every == 0
        at = self.clock()
        if self._last is None or at - self._last >= _SECONDS:
            is_first, self._last = self._last is None, at
            return not is_first
        return False


def _tensors(module: torch.nn.Module, state: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    import torch

    def plain(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach().cpu().clone().contiguous()

    found = {f"module.{k}": plain(v) for k, v in module.state_dict().items()}
    for index, values in state["state"].items():
        for key, value in values.items():
            if isinstance(value, torch.Tensor):
                found[f"optimizer.{index}.{key}"] = plain(value)
    found["rng"] = torch.get_rng_state()
    if torch.cuda.is_available():
        found["rng_cuda"] = torch.cuda.get_rng_state()
    return found


def _name(step: int) -> str:
    return f"step-{step:09d}"


def _latest(folder: Path) -> Path:
    found = sorted(p for p in folder.glob("step-*") if not p.name.endswith(".half"))
    return found[-1] if found else folder / "step-*"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
