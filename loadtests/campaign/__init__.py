"""A fault campaign: replicas over PostgreSQL, Valkey and S3, killed and cut off while a checker asks."""
