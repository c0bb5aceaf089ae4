"""User segmentation: which users are likely to take to an item, or to items of a kind."""
