"""Real servers on loopback, each in a folder of its own and ended by its process id.

Belongs here: starting, stopping and asking them. Does not belong here: fixtures, and what is stored in them.
"""
