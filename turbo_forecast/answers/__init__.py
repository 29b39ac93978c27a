"""What planners ask of published months, and the answers: frames and plain facts, laid out by nobody yet.

Commands, dashboard, report and notebooks ask here, so that one question has one answer. Belongs here: a module a question, over
`storage/published/`. Does not belong here: layout (`commands/`, `dashboard/`, `report/`), pictures (`charts/`), and the
warehouse.
"""
