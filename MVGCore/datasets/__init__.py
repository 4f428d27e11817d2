"""Labels a whole data set from a few examples: what is in it, who works on it, what came of it."""
