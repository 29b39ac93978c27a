"""The planner's pages in a browser, made on the server of what is published: no state, no run disturbed, each page an address.

Belongs here: pages, their layout, and serving them. Does not belong here: what a page says (`answers/`) and its pictures
(`charts/`).
"""
