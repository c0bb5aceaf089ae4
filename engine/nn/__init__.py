"""The sequence model: trained with torch (its only home), answered by numpy."""
