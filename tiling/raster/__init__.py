"""The door to rasters: what a file is, and its pixels on the lattice of a grid."""
