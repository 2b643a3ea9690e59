"""The data doctor: what is wrong with a folder of photos before a model is trained on it."""
