"""What people work through on a page: the checklist's card, its queue, and signing off."""
