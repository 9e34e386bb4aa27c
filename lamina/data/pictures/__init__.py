"""Photographs and drawings: folders and lists of picture files, decoded once."""
