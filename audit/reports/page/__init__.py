"""What the report says of a case, in its order: the decision, the sections, the appendix."""
