"""Plan -> checks -> case: running an audit, and what every command that audits goes through."""
