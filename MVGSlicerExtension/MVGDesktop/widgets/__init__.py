"""The controls around the views."""
