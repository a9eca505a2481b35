"""Many runs of one experiment: a grid, its results in one table, and figures of them."""
