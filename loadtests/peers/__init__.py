"""What recgate is measured against: nginx as a cache, and a FastAPI service with fastapi-cache2."""
