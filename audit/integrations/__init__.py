"""Where other people's tools call an audit: pytest, MLflow, or a line of Python."""
