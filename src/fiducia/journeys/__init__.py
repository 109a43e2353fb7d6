"""The verbs: what people and institutions do, each a class with its ports as keyword-only arguments and one `run`.

Journeys know ports and the core, never an adapter. The order of steps inside each is the safety
argument (design section 7); its docstring says it.
"""
