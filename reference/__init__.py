"""What tests and benchmarks both measure the product against, so that neither imports the other.

Belongs here: the product's numbers calculated a second, plainer way; stock Prophet's and Stan's own view of a series; real servers on
loopback (`servers/`). Does not belong here: what only tests need (`turbo_forecast_tests`), what is timed (`benchmarks`). It is no part
of the installed package.
"""
