"""The relay's page and its /metrics, in the agent's dress."""
