"""A small network that learns one data set from its own labels: one more voice beside the registered ones."""
