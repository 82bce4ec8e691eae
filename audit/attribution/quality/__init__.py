"""Is an attribution to be trusted: what is asked of a model to test its explanations."""
