"""What requests leave behind, on its way to the stores."""
