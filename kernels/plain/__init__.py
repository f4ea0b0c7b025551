"""The variants everything else is compared with: NumPy as the floor, torch eager as the vendor's column."""
