"""The standing proof: how often intervals hold and tests alarm, by simulation from public seeds."""
