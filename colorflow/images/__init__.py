"""Layer 4: Lab, gamut, upsampling, and picture files. Knows nothing of models."""
