"""What the README claims about speed and accuracy, each reproducible by one command."""
