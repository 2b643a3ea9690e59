"""Recipes: from a float network and photos to a `.tflite` that a device runs fast, each by a named way."""
