"""One plan in many possible worlds: speeds, prices and demand that differ from what was planned on.

residuals (how wrong predictions have been) ─┐
outlook (prices, demand, spot: assumptions) ─┴─> worlds ─> score ─> regret, robust, measure
"""
