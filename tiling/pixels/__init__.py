"""From the bytes of rasters to pixels on the lattice of a grid."""
