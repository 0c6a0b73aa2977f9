"""The meter: runs two implementations on the same weights and inputs and says where they part."""
