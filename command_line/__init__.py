"""From a command to a run: parsing, settings, the run's folder, and words for a person."""
