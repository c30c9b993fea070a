"""Seeded log trees of failed EMR steps, with labels that are right by construction.

A template (`templates/`) writes one kind of failure onto a `Scene`; the scene knows how Spark, YARN and EMR
log a run; decoys, canaries and damages are laid over it by seed; `generate` turns all of it into cases.
Nothing here reads the product's signature catalogue: what is written comes from knowledge of the platforms.
"""
