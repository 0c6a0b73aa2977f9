"""A module that logs a warning while it is imported, as libraries do about kernels that they lack."""

import logging

from torch import nn


logging.getLogger(__name__).warning("a kernel is missing")


class Port(nn.Linear):
    pass
