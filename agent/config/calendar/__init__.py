"""When by the calendar: cron lines, their turns, maintenance windows."""
