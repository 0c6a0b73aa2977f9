"""The known pitfalls of a port as experiments: each makes changes to a copy of a model, of a pipeline, or of inputs.

A change that brings the two sides together is the cause, or the mirror image of it.
"""
