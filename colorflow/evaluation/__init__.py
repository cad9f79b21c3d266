"""Layer 6: measuring models."""
