"""When capacity is used up, how sure that is, and what plans would change: pure functions of frames and arrays."""
