"""The measuring harness: is a kernel right, how long does it take, and can the number be believed?

`session` (the parent: budget, order, file) starts `worker` (the child, where foreign code runs), which for each
group of variants of one op, dtype and shape runs `check` (the correctness protocol) and `timing` (the timing
protocol) on buffers the harness owns (`buffers`), watched by `guard`, and hands back traces (`group`).
"""
