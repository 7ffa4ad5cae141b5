"""Demonstrations: written and read as LeRobot datasets, cut into windows, summed up in numbers."""
