"""How well does a language model predict these texts, overall and by group?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from evenhand.audit.checks.record import Recorder
from evenhand.audit.finding import Finding
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import TextPredictions, expect, score
from evenhand.audit.subject.subject import Subject

QUESTION = "How many bits does the model need for a character of these texts, and of each group's?"
TASKS = frozenset({"generation"})
NEEDS = frozenset({"rows"})
SOURCE = "Shannon 1951 (bits per character); Jelinek et al. 1977 (perplexity); Cochran 1977"
COST = "fast"
MEASURES = {
    "bits_per_character": "-log2 likelihood of the texts divided by their characters",
    "perplexity": "exp of the mean -log likelihood of a token",
}


def measure(subject: Subject, *, seed: int, levels: Sequence[float]) -> Iterator[Finding]:
    """Yields both measures over all texts, then for every group and crossing of groups."""
    import math

    from evenhand.audit.measure.regression import ratio_of_sums
    from evenhand.audit.subject.tallying.counts import group_rows

    found = expect(score(subject), TextPredictions)
    record = Recorder(__name__, seed)
    for group, rows in group_rows(subject.groups, subject.sensitive_features):
        loss = -found.log_likelihood[rows]
        units = None if subject.units is None else subject.units[rows]
        ratio = partial(ratio_of_sums, levels=levels, empty=because("texts-too-short"), units=units)
        bits = ratio(loss / math.log(2), found.characters[rows])
        yield record.write("bits_per_character", bits, unit="bit", group=group)
        nat = ratio(loss, found.tokens[rows])
        if nat.value is None:
            yield record.write("perplexity", nat, unit="token", group=group)
            continue
        ends = tuple(
            i.model_copy(update={"low": math.exp(i.low), "high": math.exp(i.high)})
            for i in nat.intervals
        )
        perplexity = replace(nat, value=math.exp(nat.value), intervals=ends)
        yield record.write("perplexity", perplexity, unit="token", group=group)
