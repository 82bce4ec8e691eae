"""What would turn a decision: the search, the space that it searches, what is plausible."""
