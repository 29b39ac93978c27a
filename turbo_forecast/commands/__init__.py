"""The command `turbo-forecast`: a subcommand for each thing that one does or asks.

Belongs here: what is typed, what a terminal shows, exit codes. Does not belong here: the answers themselves (`answers/`), and
what a run does (`defs/`, `fleet/`).
"""
