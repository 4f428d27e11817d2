"""Accounts of results: pictures, numbers and pages that a person can judge at a glance."""
