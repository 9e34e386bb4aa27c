"""Series of numbers in time: read, brought to regular steps, and seen through windows."""
