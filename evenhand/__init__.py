"""Audit machine-learning models, seal what was measured, judge it with policy packs."""
