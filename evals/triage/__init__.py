"""Triage cases: Glue-style jobs that failed as EMR steps, whose signals decide where the log does not."""
