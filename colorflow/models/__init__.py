"""Layer 3: the multiscale cINN, its config, latents, presets and checkpoints."""
