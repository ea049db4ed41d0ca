"""Jobs and alarms: a schedule, tries, deadlines and a reaper around Django's task API, and what an operator must see."""
