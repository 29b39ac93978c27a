"""`python -m turbo_forecast`: the program `turbo-forecast`, where it is not on the path.

Does not belong here: anything that it does (`commands/`).
"""

import sys

from turbo_forecast.commands.app import main

if __name__ == "__main__":
    sys.exit(main())
