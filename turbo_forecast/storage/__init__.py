"""Files and the warehouse: atomic Parquet, transactional DuckDB, telemetry readers."""
