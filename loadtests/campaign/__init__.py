"""A fault campaign: gateways and engines over PostgreSQL, Valkey and S3, broken one by one while shoppers check."""
