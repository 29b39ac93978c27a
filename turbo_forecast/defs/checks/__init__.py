"""One property each, judged by re-reading what was stored."""
