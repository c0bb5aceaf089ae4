"""What torch does (its only home): it trains the sequence model, which numpy answers, and inverts large matrices."""
