"""A folder of labelled photos: what stands in it, which split and group each photo belongs to, and its pixels."""
