"""What texts say, as vectors."""
