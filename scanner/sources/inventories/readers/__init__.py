"""The readers of saved inventories: one small module per format, each ending in a `Reader` or a `BundleReader`."""
