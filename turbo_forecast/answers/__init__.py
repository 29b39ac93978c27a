"""Planners' questions about published months, and their answers: frames and plain values, without layout.

Commands, dashboard, report and notebooks ask here, so that one question has one answer. Belongs here: a module a question, over
`storage/published/`. Does not belong here: layout (`commands/`, `dashboard/`, `report/`), pictures (`charts/`), and the
warehouse.
"""
