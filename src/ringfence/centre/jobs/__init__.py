"""Jobs and alarms: schedule, tries, deadlines and a reaper for Django tasks, and what an operator must see."""
