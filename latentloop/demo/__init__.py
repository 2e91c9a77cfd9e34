"""The demo: the product's whole story on real images, through real servers; every figure is measured."""
