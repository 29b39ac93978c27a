"""The entrants: one protocol, one registry, one file each."""
