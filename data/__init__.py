"""Files in, snapshots and views out: the data side of Lanewise."""
