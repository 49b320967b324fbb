"""Agents and commands of ours as processes: started, or forked of a Python that has imported them."""
