"""Reads instances that nobody vouches for in a process of its own, which can do nothing but that.

`examiner.ConfinedExaminer` is the port's adapter, and believes nothing that it cannot check. `questions` opens the
files, hands them over, and knows whose answer is whose. `__main__` is the process; `messages` is what passes between
the two. The wall itself is `confined`'s.
"""
