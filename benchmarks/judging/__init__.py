"""How long judging takes and what memory it needs, beside public libraries."""
