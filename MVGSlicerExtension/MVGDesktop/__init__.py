"""The desktop host of MVG: Slicer's scene and slice views in a PyQt5 window, with the module's panel."""
