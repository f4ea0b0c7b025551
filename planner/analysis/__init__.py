"""What would change the answer: families of re-solves around one decision, each ending in one record.

case ─┬─> explain  flip  kernel_value  lock_in  arbitrage  frontier ─> records
      └ session: the same, kept warm for the next small change
"""
