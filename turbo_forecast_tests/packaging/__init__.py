"""What a user installs: that wheel and source distribution are whole, and that the wheel works where there is no checkout."""
