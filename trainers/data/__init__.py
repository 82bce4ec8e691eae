"""Rows of a data set -> what a network trains on: splits, labels, persons, encoded rows."""
