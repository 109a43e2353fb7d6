"""Decodes and shows frames that nobody vouches for in a process of its own, which can do nothing but that.

`pixels.ConfinedPixels` is the port's adapter; `__main__` is the process, `messages` what passes between the two.
`decoding` is the one place where pixels are decoded, `greys` and `rendering` make shown ones of them; all three run in
the process (and in `memory.pixels`, without a wall).
"""
