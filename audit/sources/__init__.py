"""Readers of data files and databases: each turns one kind of source into a data frame and notes.

What strangers hand over is checked before it is believed; see ``limits`` for the caps.
"""
