"""Columns of a table dropped, generalised, tokenised or perturbed until few are told apart."""
