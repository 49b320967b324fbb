"""Results that are pushed to the agent instead of looked for: by cron jobs, backups, deploy steps."""
