"""The register of cases and statements: append-only, chained, vouched for, handed over."""
