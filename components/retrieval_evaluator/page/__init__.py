"""`report.html`: one file that shows a judgement to a person, and needs no network."""
