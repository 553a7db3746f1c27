"""What `dvm-fuse` is made of: the area graph, the questions it asks of shapes, and the patterns that merge areas."""
