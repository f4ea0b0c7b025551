"""Which GPU, which kernel variants, from whom and on what terms."""
