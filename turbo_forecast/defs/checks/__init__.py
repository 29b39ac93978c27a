"""One expectation each, validated by reading again what was stored."""
