"""Layer 6: folders of photos."""
