"""Layer 2: ordinary networks: the backbone, the feature pyramid, the subnets of couplings."""
