def write_figures(*a, **k):
    return []
