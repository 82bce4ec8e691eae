"""What is asked of the operation ``attribute``: its options, checked, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from evenhand.audit.errors import InputError, nearest

GRADIENT_METHODS = (
    "integrated_gradients",
    "deep_lift",
    "gradient_shap",
    "input_x_gradient",
    "saliency",
)
PERTURBATION_METHODS = (
    "feature_ablation",
    "occlusion",
    "shapley_exact",
    "shapley_sampling",
    "kernel_shap",
    "lime",
)
LAYER = "layer_integrated_gradients"
LINEAR = "linear"
AUTO = "auto"
METHODS = (AUTO, *GRADIENT_METHODS, *PERTURBATION_METHODS, LAYER, LINEAR)
OUTPUTS = ("probability", "logit", "log_probability")

# Methods whose attributions add up to output - output of the baseline; of the others only those
# that are in the output's own unit have a gap at all.
COMPLETE = frozenset(
    {
        "integrated_gradients",
        "deep_lift",
        "gradient_shap",
        "shapley_exact",
        "shapley_sampling",
        "kernel_shap",
        LAYER,
        LINEAR,
    }
)
WITHOUT_GAP = frozenset({"saliency"})


@dataclass(frozen=True)
class Request:
    """The options of a question.

    ``method`` is one of METHODS; ``target`` a position in the model's classes (None: the class
    that the model predicts for each row, or the value of a regression); ``output`` what of that
    class is explained: its probability, its log-odds ("logit": log p / (1 - p)) or its log
    probability. ``steps`` are those of integrated gradients, ``samples`` the draws a row of
    gradient SHAP, KernelSHAP and LIME (0: the method's default). Shapley sampling goes on until
    every value's half-width at ``level`` is at most ``precision`` or ``evaluations`` rows were
    scored; ``permutations`` above 0 fixes their number instead. ``window`` is how many neighbouring
    columns or words occlusion hides at once, ``patch`` the side of an image's square patches in
    pixels (0: an eighth of the shorter side). ``words`` explains a text column word by word.
    ``prompt_words`` and ``new_tokens`` are of generation. ``baseline_name`` says what the frame
    ``baseline`` is, for people to read. ``memory_bytes`` bounds what one batch
    may take.
    """

    method: str = AUTO
    target: int | None = None
    output: str = "probability"
    steps: int = 50
    samples: int = 0
    permutations: int = 0
    precision: float = 0.005
    level: float = 0.95
    evaluations: int = 20_000_000
    window: int = 1
    patch: int = 0
    words: bool = False
    prompt_words: int = 12
    new_tokens: int = 8
    baseline_name: str = ""
    seed: int = 0
    memory_bytes: int = 256 << 20

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Request:
        """Checks names, types and ranges. Raises InputError."""
        known = {f.name: f for f in fields(cls)}
        for name, value in options.items():
            if name not in known:
                raise InputError(
                    "attribute has no option {name!r}", remedy=nearest(name, known), name=name
                )
            _require_type(name, value, known[name].default)
        request = cls(**options)
        _require_listed("method", request.method, METHODS)
        _require_listed("output", request.output, OUTPUTS)
        request._require_ranges()
        return request

    def _require_ranges(self) -> None:
        least = {"steps": 1, "window": 1, "memory_bytes": 1 << 20, "evaluations": 1}
        least |= {"prompt_words": 1, "new_tokens": 1}
        for name in (
            "steps",
            "window",
            "memory_bytes",
            "evaluations",
            "samples",
            "permutations",
            "patch",
            "prompt_words",
            "new_tokens",
            "seed",
        ):
            value = getattr(self, name)
            if value < least.get(name, 0):
                raise InputError(
                    "attribute: {name}={value} is too small",
                    remedy="use {name_2} or more",
                    name=name,
                    value=value,
                    name_2=least.get(name, 0),
                )
        if not (0 < self.precision < float("inf") and 0 < self.level < 1):
            raise InputError(
                "attribute: precision={precision}, level={level}",
                remedy="use a precision above 0 and a level between 0 and 1",
                precision=self.precision,
                level=self.level,
            )


def _require_type(name: str, value: Any, default: Any) -> None:
    if name == "target":
        fits = value is None or (isinstance(value, int) and not isinstance(value, bool))
        wanted = "a class position or null"
    elif isinstance(default, float):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        wanted = "a number"
    else:
        fits, wanted = type(value) is type(default), type(default).__name__
    if not fits:
        raise InputError(
            "attribute: {name}={value!r} is not {wanted}",
            remedy="correct it",
            name=name,
            value=value,
            wanted=wanted,
        )


def _require_listed(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(
            "attribute: {name}={value!r} is not known",
            remedy=nearest(value, allowed),
            name=name,
            value=value,
        )
