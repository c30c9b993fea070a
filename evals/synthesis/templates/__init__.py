"""Templates of failures, by kind; each module registers its own on import (`evals.synthesis.template`)."""
