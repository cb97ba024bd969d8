"""Questions answered in numbers, on a view's cursor: the analysis side of Lanewise."""
