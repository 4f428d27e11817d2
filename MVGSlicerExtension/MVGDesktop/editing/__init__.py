"""Painting into segments: shapes, voxels, undo and the tools that take the mouse."""
