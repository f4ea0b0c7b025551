"""What a GPU-hour costs: sellers' offers, own hardware, and the places they stand in; no clock."""
