"""Reads instances that nobody vouches for in a process of its own, which can do nothing but that.

`examiner.ConfinedExaminer` is the port's adapter: it opens the files, hands them over, and believes nothing that it
cannot check. `__main__` is the process; `messages` is what passes between the two. The wall itself is `confined`'s.
"""
