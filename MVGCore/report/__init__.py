"""Visual checks of results: pictures that a person can judge at a glance."""
