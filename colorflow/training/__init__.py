"""Layer 6: training on folders of photos."""
