"""Explain failed data jobs from their logs."""
