"""Faults that are injected into a small but real chain, from images to trained weights.

`world` makes the chain, undisturbed; each other module damages one part of it, or disturbs the
processes that make it, and judges what became of that (`outcomes`).
"""
