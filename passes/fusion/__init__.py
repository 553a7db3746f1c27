"""What `dvm-fuse` is made of: the area graph, the questions it asks of shapes, and the patterns that merge areas.

Before that reshapes are moved out of the way, and after it values are computed again where storing them costs more.
"""
