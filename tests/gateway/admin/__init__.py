"""Views and routes of operators."""
