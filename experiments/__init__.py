"""Trainings whose figures stand in docs/results."""
