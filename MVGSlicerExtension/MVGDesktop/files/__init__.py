"""Opening, saving, autosave and recovery."""
