"""Fairlearn's mitigations, applied to a model and written as a folder that can be audited."""
