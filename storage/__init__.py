"""How files are kept, for all rooms: nothing heavy is imported."""
