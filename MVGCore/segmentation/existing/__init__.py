"""An existing segmentation as one more voice: moved onto the labelled slices, trusted as far as they bear it
out."""
