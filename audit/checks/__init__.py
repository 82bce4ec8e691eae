"""The checks: one file a check, its id its path (``fairness/gaps.py`` is ``fairness.gaps``).

A check module has the constants QUESTION, TASKS, NEEDS, SOURCE, COST and MEASURES (measure name ->
what it is, in one line) and one function ``measure(subject, *, seed, levels, **options)`` that
yields findings. It raises MissingNeed where its question does not apply.
"""
