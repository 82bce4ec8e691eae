"""What several checks ask of a model: explanations, applicants, stand-ins, the same again."""
