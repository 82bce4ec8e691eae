"""What a training run cost: time, memory, energy, carbon, floating-point operations -> cost.json.

Energy is measured by CodeCarbon where it is installed (extra ``energy``) and the machine has a
power meter that it can read; else it is estimated as processor time times a declared power. Which
of the two it was is always said.
"""

from __future__ import annotations

import logging
import os
import re
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit import surroundings
from evenhand.audit.errors import InputError

if TYPE_CHECKING:
    import torch

SCHEMA = "evenhand-cost/1"
# Watt of one busy core where nobody declares it: 65 W over 8 cores, a common desktop processor,
# rounded up. EVENHAND_CORE_WATTS declares another.
_CORE_WATTS = 10.0
# World average of 2023, g CO2e a kWh (Ember, Global Electricity Review 2024).
_GRAMS_PER_KWH = 480.0
_JOULE_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Cost:
    """A run's cost. ``energy_j`` in joule, ``carbon_g`` in gram CO2e; ``energy_is`` says whether it
    was measured or estimated and ``energy_method`` how. ``flops`` is an estimate, None where there
    is none."""

    wall_s: float
    cpu_s: float
    peak_memory_bytes: int
    energy_j: float
    energy_is: Literal["measured", "estimated"]
    energy_method: str
    carbon_g: float
    carbon_method: str
    flops: float | None = None
    flops_method: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; none of it can be reproduced."""
        return {"schema": SCHEMA, "is_reproducible": False, **asdict(self)}


class Meter:
    """Measures from its making on; ``stop`` gives the cost."""

    def __init__(self, *, grams_per_kwh: float | None = None) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()
        self._grams = _declared("EVENHAND_GRAMS_PER_KWH", _GRAMS_PER_KWH, grams_per_kwh)
        self._tracker = _codecarbon()

    def stop(self, flops: tuple[float, str] | None = None) -> Cost:
        """The cost so far; the meter is spent then."""
        wall, cpu = time.perf_counter() - self._wall, _cpu_seconds() - self._cpu
        energy, kind, method = self._energy(cpu)
        per_kwh = f"{self._grams:g} g CO2e/kWh"
        return Cost(
            wall_s=wall,
            cpu_s=cpu,
            peak_memory_bytes=peak_memory_bytes(),
            energy_j=energy,
            energy_is=kind,
            energy_method=method,
            carbon_g=energy / _JOULE_PER_KWH * self._grams,
            carbon_method=f"energy times {per_kwh}"
            + (" (world average of 2023, Ember 2024)" if self._grams == _GRAMS_PER_KWH else ""),
            flops=flops[0] if flops else None,
            flops_method=flops[1] if flops else "",
        )

    def _energy(self, cpu_s: float) -> tuple[float, Literal["measured", "estimated"], str]:
        watts = _declared("EVENHAND_CORE_WATTS", _CORE_WATTS)
        by_time = f"processor time times {watts:g} W a core"
        if self._tracker is None:
            return cpu_s * watts, "estimated", by_time
        self._tracker.stop()
        # CodeCarbon logs its own errors and goes on: a run must not fail for want of its number.
        data = getattr(self._tracker, "final_emissions_data", None)
        if data is None:
            return cpu_s * watts, "estimated", f"CodeCarbon gave no number: {by_time}"
        joule = float(data.energy_consumed) * _JOULE_PER_KWH
        if _reads_a_meter(self._tracker):
            return joule, "measured", "CodeCarbon, offline: power meter of the whole machine"
        return joule, "estimated", "CodeCarbon, offline: load times its table of power"


@contextmanager
def metered() -> Iterator[Meter]:
    """A meter for a block, whose background threads end with it."""
    meter = Meter()
    try:
        yield meter
    finally:
        if meter._tracker is not None:
            meter._tracker.stop()


def peak_memory_bytes() -> int:
    """The most memory that this process ever had in use, bytes (resident)."""
    status = Path("/proc/self/status")
    if status.is_file():
        # ru_maxrss starts from the memory of the process that forked this one; this does not.
        high = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        if high is not None:
            return int(high.group(1)) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


def flops_of(
    module: torch.nn.Module, example: torch.Tensor, *, examples_seen: float, mode: str = "plain"
) -> tuple[float, str]:
    """Floating-point operations of a run that went through ``examples_seen`` examples.

    One forward pass of ``example`` (1, ...) is counted by torch (matrix products and convolutions),
    then taken 3 times (forward, and two products backward; Kaplan et al. 2020, section 2.1), or 5
    times in ghost mode, which goes backward twice.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    was_training = module.training
    module.eval()
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(example)
    finally:
        module.train(was_training)
    times = 5 if mode == "ghost" else 3
    total = float(counter.get_total_flops()) * times * examples_seen
    return total, f"{times} forward passes an example; products and convolutions alone are counted"


def estimate(seconds: float) -> Mapping[str, Any]:
    """Energy (joule) and carbon (gram CO2e) of ``seconds`` of one busy core, before a run."""
    watts = _declared("EVENHAND_CORE_WATTS", _CORE_WATTS)
    grams = _declared("EVENHAND_GRAMS_PER_KWH", _GRAMS_PER_KWH)
    joule = seconds * watts
    return {
        "cpu_s": seconds,
        "energy_j": joule,
        "energy_is": "estimated",
        "carbon_g": joule / _JOULE_PER_KWH * grams,
        "method": f"parts timed on made-up rows; {watts:g} W a core, {grams:g} g CO2e/kWh",
    }


def _cpu_seconds() -> float:
    import psutil

    times = psutil.Process().cpu_times()
    return float(
        sum(getattr(times, k, 0.0) for k in ("user", "system", "children_user", "children_system"))
    )


def _declared(variable: str, default: float, given: float | None = None) -> float:
    text = os.environ.get(variable)
    if given is not None or text is None:
        return default if given is None else given
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise InputError(
            "{variable}={text!r} is not a positive number",
            remedy="correct it",
            variable=variable,
            text=text,
        )
    return value


def _codecarbon() -> Any:
    """CodeCarbon's offline tracker, started; None where it is not installed."""
    try:
        from codecarbon import OfflineEmissionsTracker
    except ImportError:
        return None
    logging.getLogger("codecarbon").setLevel(logging.ERROR)
    with surroundings.elsewhere():  # it reads a .codecarbon.config in the folder it is made in
        tracker = OfflineEmissionsTracker(
            country_iso_code=os.environ.get("EVENHAND_COUNTRY", "USA"),
            output_methods=[],  # nothing is written or sent, whatever its configuration file says
            tracking_mode="process",
            log_level="error",
            allow_multiple_runs=True,
        )
    tracker.start()
    return tracker


def _reads_a_meter(tracker: Any) -> bool:
    """Whether CodeCarbon reads power from the hardware (RAPL, NVML) and not from a table."""
    sources = [str(getattr(part, "_mode", "")) for part in getattr(tracker, "_hardware", ())]
    return any("rapl" in s.lower() or "gadget" in s.lower() for s in sources)
