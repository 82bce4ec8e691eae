"""Differences between groups: gaps, ratios, unknown values, the worst of them."""
