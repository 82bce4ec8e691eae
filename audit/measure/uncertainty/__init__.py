"""Values with their intervals: closed forms, exact ones, bootstraps, tests."""
