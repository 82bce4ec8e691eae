"""A model in a worker, as the audit sees it: the contract of
``evenhand.audit.models.predictor``."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from evenhand.audit.attribution.answers import require_answer
from evenhand.audit.attribution.door import Answer, Question
from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.files.canonical import MOST_EXACT
from evenhand.audit.models.outputs import require_probabilities
from evenhand.audit.models.predictor import Gradients, Task
from evenhand.audit.worker.frames import Message
from evenhand.audit.worker.isolation.levels import Isolation, Rules
from evenhand.audit.worker.session import WorkerSession

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MAX_NAMES = 100_000  # classes, or input columns
MOST_CHARACTERS = 4 << 20  # of all of them
# Bytes of an answer about attributions: images of a few hundred rows, or tables of many.
MOST_ANSWERED = 512 << 20
MOST_REPLACED = 2


class WorkerPredictor:
    """Asks the worker. Only the columns that the model reads are sent: no label, no group.

    ``gradients`` is None: gradients stay where the model is, and explanations ask through
    ``evenhand.audit.attribution.door``. ``reopened()`` gives the same model in a fresh process. A
    question that ended the worker, by a limit or a crash, costs its own answer alone: the next one
    starts
    another worker, ``MOST_REPLACED`` times.
    """

    gradients: Gradients | None = None

    def __init__(
        self,
        name: str,
        session: WorkerSession,
        message: Message,
        rules: Rules,
        again: Callable[[bool], WorkerSession],
        *,
        elsewhere: bool = False,
    ) -> None:
        self._name = name
        self._session = session
        self._elsewhere = elsewhere
        self._replaced = 0
        self._rules = rules
        self._told = message
        self._again = again
        facts = _Checked(name, message.facts)
        self.format = facts.text("format")
        self.task: Task = facts.task()
        self.classes = facts.classes(self.task)
        self.input_columns = facts.different("input_columns")
        self.maker_says: Mapping[str, Any] = facts.mapping("maker_says")
        self.gives_scores = facts.flag("gives_scores", usual=True)
        self.own_rule = facts.flag("own_rule", usual=False)
        self.categories = facts.categories()
        self.codes = facts.texts("codes", usual=[])
        self._end = weakref.finalize(self, session.close)

    @property
    def isolation(self) -> Isolation:
        """How the worker is locked."""
        return self._session.isolation

    def reopened(self, *, elsewhere: bool = False) -> WorkerPredictor:
        """The same model opened again from the same copy, in a process that has seen no rows.

        ``elsewhere``: one that finds another clock and environment
        (``evenhand.audit.worker.elsewhere``).
        """
        session = self._again(elsewhere)
        return type(self)(
            self._name, session, self._told, self._rules, self._again, elsewhere=elsewhere
        )

    def close(self) -> None:
        """Ends the worker; a closed model answers nothing."""
        self._end()

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes), float64."""
        shape = (len(frame), len(self.classes))
        scores = self._numbers("predict_proba", frame, shape)[0]
        require_probabilities(scores, f"model {self._name.removeprefix('model ')}")
        return scores

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,), float64."""
        return self._numbers("predict_values", frame, (len(frame),))[0]

    def token_log_likelihood(
        self, frame: pd.DataFrame
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums of nat, scored tokens and their characters, each of shape (rows,)."""
        sums, tokens, characters = self._numbers(
            "token_log_likelihood", frame, (len(frame),), several=3
        )
        for what, counted in (("tokens", tokens), ("characters", characters)):
            if not _are_whole(counted, most=MOST_EXACT):
                raise UnsafeModelError(
                    "{model} counted {what} by numbers that count nothing",
                    remedy="do not rely on this model",
                    model=self._name,
                    what=what,
                )
        return sums, tokens, characters

    def ask(self, question: Question) -> Answer:
        """The answer to a question about the model; see ``evenhand.audit.attribution.door``."""
        from evenhand.audit.attribution.door import MASKS
        from evenhand.audit.worker.rows import to_bytes

        reads = set(self.input_columns)
        frames = {
            name: to_bytes(frame[[c for c in frame.columns if c in reads or name in MASKS]])
            for name, frame in question.frames.items()
        }
        asked = {"do": "ask", "operation": question.operation, "options": dict(question.options)}
        found = self._living().ask(
            f"answer {question.operation}",
            asked,
            frames,
            seconds=self._rules.answer_seconds,
            most=MOST_ANSWERED,
        )
        facts = found.facts.get("facts")
        answer = Answer(dict(found.arrays), facts if isinstance(facts, dict) else {})
        try:
            require_answer(question, answer)
        except ValueError as error:
            raise UnsafeModelError(
                "{model} was asked for {operation} and gave what is no answer: {error}",
                remedy="do not rely on this model",
                model=self._name,
                operation=question.operation,
                error=error,
            ) from None
        return answer

    def _living(self) -> WorkerSession:
        """The worker, another one where a question ended it; the ended one has the say if not."""
        was_closed = not self._end.alive
        if self._session.is_open or was_closed or self._replaced == MOST_REPLACED:
            return self._session
        self._replaced += 1
        self._end.detach()
        self._session = self._again(self._elsewhere)
        self._end = weakref.finalize(self, self._session.close)
        return self._session

    def _numbers(
        self, method: str, frame: pd.DataFrame, shape: tuple[int, ...], *, several: int = 1
    ) -> list[np.ndarray]:
        import numpy as np

        from evenhand.audit.worker.rows import to_bytes

        rows = to_bytes(frame[list(self.input_columns)])
        size = int(np.prod(shape)) * 8 * several
        try:
            found = self._living().ask(
                f"score {len(frame)} rows",
                {"do": method},
                {"rows": rows},
                seconds=self._rules.answer_seconds,
                most=2 * size + (1 << 20),
            )
        except InputError as error:
            error.about = tuple(self.input_columns)  # what was noticed of them may explain it
            raise
        arrays = [found.arrays.get(str(i)) for i in range(several)]
        for array in arrays:
            if array is None or array.shape != shape:
                told = None if array is None else array.shape
                raise InputError(
                    "{name}: {method} gave an array of shape {told} for {n_frame} rows "
                    "and {n_classes} classes",
                    remedy="it must be of shape {shape}",
                    name=self._name,
                    method=method,
                    told=told,
                    n_frame=len(frame),
                    n_classes=len(self.classes),
                    shape=shape,
                )
        return [a.astype(np.float64, copy=False) for a in arrays if a is not None]

    def _positions(self, method: str, frame: pd.DataFrame) -> np.ndarray:
        found = self._numbers(method, frame, (len(frame),))[0]
        if not _are_whole(found, most=len(self.classes) - 1):
            raise InputError(
                "{name} decided for class {found:g} of {n_classes}",
                remedy="do not rely on this model",
                name=self._name,
                found=found.max(),
                n_classes=len(self.classes),
            )
        return found.astype("int64")


class DecidingWorkerPredictor(WorkerPredictor):
    """A model in a worker that makes its decisions itself
    (``evenhand.audit.models.predictor.Decides``)."""

    def decide(self, frame: pd.DataFrame) -> np.ndarray:
        """Positions in ``classes``, int of shape (rows,)."""
        return self._positions("decide", frame)


class LabellingWorkerPredictor(WorkerPredictor):
    """A model in a worker that says its labels (``evenhand.audit.models.predictor.Labels``)."""

    def predict_labels(self, frame: pd.DataFrame) -> np.ndarray:
        """Positions in ``classes``, int of shape (rows,)."""
        return self._positions("predict_labels", frame)


def as_predictor(
    name: str,
    session: WorkerSession,
    message: Message,
    rules: Rules,
    again: Callable[[bool], WorkerSession],
) -> WorkerPredictor:
    """The predictor that what a worker told of its model calls for. Raises UnsafeModelError."""
    methods = message.facts.get("methods")
    can = methods if isinstance(methods, list) else []
    kind = WorkerPredictor
    if "decide" in can:
        kind = DecidingWorkerPredictor
    elif "predict_labels" in can:
        kind = LabellingWorkerPredictor
    return kind(name, session, message, rules, again)


def _are_whole(found: np.ndarray, *, most: int) -> bool:
    """Whether all are whole numbers from 0 to ``most``."""
    import numpy as np

    return bool(((found >= 0) & (found <= most) & (np.floor(found) == found)).all())


class _Checked:
    """What a worker told, each with the type it has to have: it may be in a stranger's hands."""

    def __init__(self, name: str, facts: Mapping[str, Any]) -> None:
        self._name = name
        self._facts = facts

    def text(self, key: str) -> str:
        value = self._facts.get(key)
        return value if isinstance(value, str) and len(value) < 100 else self._refuse(key)

    def task(self) -> Task:
        value: Any = self._facts.get("task")
        return value if value in get_args(Task) else self._refuse("task")

    def different(self, key: str) -> tuple[str, ...]:
        """Names of which no two are equal."""
        found = self.texts(key)
        return found if len(set(found)) == len(found) else self._refuse(key)

    def classes(self, task: Task) -> tuple[str, ...]:
        """Labels, as many as the task has: a name stands for one class alone."""
        found = self.different("classes")
        fits = {"binary": len(found) == 2, "multiclass": len(found) > 2}
        return found if fits.get(task, not found) else self._refuse("classes")

    def texts(self, key: str, usual: Any = None) -> tuple[str, ...]:
        value = self._facts.get(key, usual)
        if not isinstance(value, list) or len(value) > MAX_NAMES:
            return self._refuse(key)
        if any(type(v) is not str for v in value) or sum(map(len, value)) > MOST_CHARACTERS:
            return self._refuse(key)
        return tuple(value)

    def flag(self, key: str, *, usual: bool) -> bool:
        value = self._facts.get(key, usual)
        return value if isinstance(value, bool) else bool(self._refuse(key))

    def categories(self) -> dict[str, tuple[str, ...]]:
        """Texts of the categories that the model was fitted on, by input column."""
        told = self._facts.get("categories", {})
        if not isinstance(told, dict) or any(type(v) is not list for v in told.values()):
            return dict(self._refuse("categories"))
        if sum(map(len, told.values())) > 10 * MAX_NAMES:
            return dict(self._refuse("categories"))
        return {k: tuple(str(v) for v in values) for k, values in told.items()}

    def mapping(self, key: str) -> dict[str, Any]:
        value = self._facts.get(key)
        return value if isinstance(value, dict) else self._refuse(key)

    def _refuse(self, key: str) -> Any:
        raise UnsafeModelError(
            "{name}: its worker told no {key} that can be believed",
            remedy="do not rely on this model",
            name=self._name,
            key=key,
        )
