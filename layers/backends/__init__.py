"""Faster walks through time than the plain loop, equal to it in value and gradient."""
