"""Sellers' price lists over the network, one file per provider; the only place that knows httpx."""
