"""Is a CNN needed at all: classic features and algorithms on the split that a CNN is judged on."""
