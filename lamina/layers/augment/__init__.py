"""Augmentation: stages that change pictures in training, each example by its own draws, and rest in evaluation."""
