"""Alarms that can be believed: bounds learned from quiet nights, and states folded over nights.

``counted`` lays the counts of nights side by side, ``judged`` says which exceed a bound,
``learned`` learns bounds from quiet nights, ``injected`` says how soon a shift would be found,
``performed`` and ``performance`` do so for realised performance, ``state`` folds the findings of
nights, ``settled`` puts all of it into a report, ``record`` is the journal.
"""
