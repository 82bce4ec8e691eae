"""Attributions by kind of input: columns, words, prompts, pixels."""
