"""The files of `deploy/` and `dagster_home/`: that they are what their readers take, and that what they name exists."""
