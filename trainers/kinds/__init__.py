"""The kinds of training data, one a file: ``prepare(recipe) -> Prepared``."""
