"""What is drawn: matplotlib and nothing of the networks."""
