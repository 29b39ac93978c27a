"""The production instance: real PostgreSQL, and webserver, daemon and code server as separate processes."""
