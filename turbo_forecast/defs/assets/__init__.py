"""One file for each table or file produced. An asset reads, calls a pure function, writes and reports."""
