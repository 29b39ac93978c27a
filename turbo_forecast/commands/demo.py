"""`turbo-forecast demo`: write the demo fleet that `run --demo-hosts` would, and nothing else.

Does not belong here: how it is made up (`demo/`).
"""

from turbo_forecast.commands.run import MOST_DEMO_HOSTS, data_folder, opened_data, write_demo
from turbo_forecast.errors import SettingsError


def demo(data: str, hosts: int) -> int:
    """0: it is there, written now or before. Raises SettingsError, StorageError."""
    if not 1 <= hosts <= MOST_DEMO_HOSTS:
        raise SettingsError(f"--hosts must be from 1 to {MOST_DEMO_HOSTS:,}, not {hosts}")
    with opened_data(data) as copy:
        write_demo(data_folder(data), hosts)
        if copy is not None:
            copy.upload()
    return 0
