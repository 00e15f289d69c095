"""The console in a real browser: every page, and the ways through it that people take."""
