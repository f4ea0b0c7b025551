"""What a GPU-hour costs: offers of sellers, own hardware, and the places they run in. No network, no clock."""
