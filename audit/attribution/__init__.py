"""Attributions and counterfactuals: asked by checks, answered where the model lives."""
