"""The fault drill: what a run loses, and how long it takes to recover, when something goes wrong on purpose.

Belongs here: faults, and how what they did is judged. Does not belong here: tests of what a fault's parts do (the suite's).

A further fault is a `Fault` in a list (`process_faults.py` has those of worker processes), and a further list is a line in
`__main__.py`. `stage.py` says what a fault is given.
"""
