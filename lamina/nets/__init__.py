"""Nets that have a name: words that stand for a sentence of other words."""
