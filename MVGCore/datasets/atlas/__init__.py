"""Labels of whole volumes brought to others of the same data set by registration, several of them fused."""
