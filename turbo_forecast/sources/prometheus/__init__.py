"""Telemetry of a Prometheus, or of what speaks its HTTP API: Thanos, Mimir, VictoriaMetrics.

Belongs here: its options, its presets, how it is asked, and what its answers mean as rows. Does not belong here: secrets and
retries, which all sources share (the folder above).
"""
