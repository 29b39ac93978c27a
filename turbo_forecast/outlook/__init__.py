"""Statements about capacity: when levels are reached, groups of hosts, planned changes. Pure functions of arrays and frames."""
