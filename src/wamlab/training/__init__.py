"""Trains policies on demonstrations; `trainer.train` is where to start."""
