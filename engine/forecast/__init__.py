"""What a training takes: said before it starts, counted down while it runs, and kept to where there is a budget."""
